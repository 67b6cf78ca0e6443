package main

// What else a program finds in files of its system and an image from scratch does
// not have. Where the system has them, its own are used.
import (
	_ "time/tzdata" // zones that TZ can name

	_ "golang.org/x/crypto/x509roots/fallback" // authorities that TLS trusts
)
