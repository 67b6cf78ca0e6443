package trial

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// Bounds of what goes between a Child and its process in bytes.
const (
	MaxScenarioBytes = 4 << 20 // of all scenarios in JSON
	maxModule        = 8 << 20
	maxAnswer        = 1 << 20
)

// What goes in is the length of the scenarios (8 octets, big-endian), the scenarios in JSON, the length of the
// module and the module. Nothing comes behind it, and the end of that nothing is the end of the parent, so that
// a process does not outlive who wants its report. What comes out is a Report in JSON, and nothing where the
// process has failed.

// writeRequest writes what goes in.
func writeRequest(w io.Writer, wasm []byte, scenarios []Scenario) error {
	text, err := json.Marshal(scenarios)
	if err != nil {
		return err
	}
	if len(text) > MaxScenarioBytes {
		return fmt.Errorf("trial: scenarios of %d bytes: want at most %d", len(text), MaxScenarioBytes)
	}
	for _, part := range [][]byte{text, wasm} {
		if _, err := w.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))); err != nil {
			return err
		}
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// readRequest reads what went in.
func readRequest(r io.Reader) (wasm []byte, scenarios []Scenario, err error) {
	text, err := readPart(r, MaxScenarioBytes)
	if err != nil {
		return nil, nil, fmt.Errorf("trial: request: scenarios: %w", err)
	}
	if err := json.Unmarshal(text, &scenarios); err != nil {
		return nil, nil, fmt.Errorf("trial: request: scenarios: %w", err)
	}
	if wasm, err = readPart(r, maxModule); err != nil {
		return nil, nil, fmt.Errorf("trial: request: module: %w", err)
	}
	return wasm, scenarios, nil
}

// readPart reads a length, of at most most bytes, and as many bytes.
func readPart(r io.Reader, most uint64) ([]byte, error) {
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint64(size[:])
	if n > most {
		return nil, fmt.Errorf("%d bytes: want at most %d", n, most)
	}
	part := make([]byte, n)
	_, err := io.ReadFull(r, part)
	return part, err
}
