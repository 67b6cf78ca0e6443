//go:build !unix

package main

import "net"

// listenPrivately leaves it to the folder of the socket who may use it.
func listenPrivately(path string) (net.Listener, error) { return net.Listen("unix", path) }
