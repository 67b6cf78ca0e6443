// Package c holds the header that guests in C are written with, so that the
// program can build such guests wherever it is.
//
// Use namelet.h by its file where there is one; [Header] is its text.
package c

import _ "embed" // for the header

// HeaderName is the file name that guests include.
const HeaderName = "namelet.h"

// Header is the text of namelet.h.
//
//go:embed namelet.h
var Header []byte
