// Package spanner is the store driver over Cloud Spanner, in its GoogleSQL
// dialect: one database that any number of servers and commands read and write
// at once.
//
// Start with Migrate, which makes the tables, then Open. A driver refuses tables
// that are older or newer than it knows, and a database that becomes another one
// while it is open.
//
// Every call has a deadline. A call that fails because Spanner cannot be reached
// is tried again for a few seconds, on a new connection where the old one has
// gone silent, then is a store.ErrUnavailable. A commit whose reply is lost is
// found out about by the batch's ID, of which a row is inserted with it.
//
// Where SPANNER_EMULATOR_HOST is set the driver talks to that emulator.
package spanner
