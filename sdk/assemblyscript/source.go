// Package assemblyscript holds the library that guests in AssemblyScript are written with, so that the program
// can build such guests wherever it is.
//
// Use the folder namelet by its files where it is there; [Library] is their text.
package assemblyscript

import "embed"

// Library is the folder namelet, which guests import by that name.
//
//go:embed namelet/*.ts
var Library embed.FS
