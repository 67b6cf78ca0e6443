package main

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// fingerprint is of a whole response, less its ID.
func fingerprint(message []byte) uint64 {
	h := fnv.New64a()
	h.Write(message[2:])
	return h.Sum64()
}

func (s *streamState) isRight(name int, message []byte) bool {
	got := fingerprint(message)
	for _, of := range s.right {
		if of[name] == got {
			return true
		}
	}
	return false
}

// readFingerprints reads files of n fingerprints.
func readFingerprints(files []string, n int) ([][]uint64, error) {
	var all [][]uint64
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var of []uint64
		for _, word := range strings.Fields(string(text)) {
			f, err := strconv.ParseUint(word, 16, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			of = append(of, f)
		}
		if len(of) != n {
			return nil, fmt.Errorf("%s: %d fingerprints of %d queries", file, len(of), n)
		}
		all = append(all, of)
	}
	return all, nil
}

// fingerprints asks a server each of a file's queries and writes the fingerprints of what it says to a file.
func (b *bench) fingerprints(s *server, queries, name string) (string, error) {
	packed, err := readQueries(queries)
	if err != nil {
		return "", err
	}
	conn, err := net.Dial("udp", s.address())
	if err != nil {
		return "", err
	}
	defer conn.Close()
	path := filepath.Join(b.dir, name)
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	response := make([]byte, maxAnswer)
	for _, query := range packed {
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := conn.Write(query); err != nil {
			return "", err
		}
		n, err := conn.Read(response)
		if err != nil {
			return "", err
		}
		if rcode := response[3] & 15; n < 12 || rcode != 0 && rcode != 3 {
			return "", fmt.Errorf("%s: an answer of %d octets with RCODE %d", s.name, n, response[3]&15)
		}
		fmt.Fprintf(w, "%x\n", fingerprint(response[:n]))
	}
	return path, w.Flush()
}
