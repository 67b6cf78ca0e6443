package main

import (
	"net"
	"strings"
)

// reachable turns an address to listen on into one to call: every address of a
// family is the loopback one.
func reachable(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, port), nil
}

// answersOn is where a server of this configuration can be asked: its first address.
// Those that systemd opens are on port 53.
func (c *config) answersOn() (string, error) {
	first, _, _ := strings.Cut(c.Listen, ",")
	if first == listenSystemd {
		return "127.0.0.1:53", nil
	}
	return reachable(strings.TrimSpace(first))
}
