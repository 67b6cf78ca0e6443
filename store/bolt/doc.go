// Package bolt is the store driver that needs no set-up: one file, by way of
// bbolt.
//
// Start with Open. The file belongs to one process at a time; while a server
// has it, commands go through the server. What Apply has acknowledged is on disk
// and outlasts a kill of the process and, as far as the disk keeps its word, of
// the machine. A snapshot holds back the reuse of the file's space.
package bolt
