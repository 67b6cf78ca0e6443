package trial

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Bounds of what goes between a Child and its process in bytes.
const (
	MaxScenarioBytes = 4 << 20 // of all scenarios in JSON
	maxModule        = 8 << 20
	maxAnswer        = 1 << 20
)

// What goes in is the length of the scenarios (8 octets, big-endian), the scenarios in JSON, and the module.
// What comes out is a Report in JSON, and nothing where the process has failed.

// writeRequest writes what goes in.
func writeRequest(w io.Writer, wasm []byte, scenarios []Scenario) error {
	text, err := json.Marshal(scenarios)
	if err != nil {
		return err
	}
	if len(text) > MaxScenarioBytes {
		return fmt.Errorf("trial: scenarios of %d bytes: want at most %d", len(text), MaxScenarioBytes)
	}
	for _, part := range [][]byte{binary.BigEndian.AppendUint64(nil, uint64(len(text))), text, wasm} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// readRequest reads what went in.
func readRequest(r io.Reader) (wasm []byte, scenarios []Scenario, err error) {
	var size [8]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, nil, fmt.Errorf("trial: request: %w", err)
	}
	n := binary.BigEndian.Uint64(size[:])
	if n > MaxScenarioBytes {
		return nil, nil, errors.New("trial: request: the scenarios are too long")
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, nil, fmt.Errorf("trial: request: scenarios: %w", err)
	}
	if err := json.Unmarshal(text, &scenarios); err != nil {
		return nil, nil, fmt.Errorf("trial: request: scenarios: %w", err)
	}
	wasm, err = io.ReadAll(io.LimitReader(r, maxModule+1))
	if err == nil && len(wasm) > maxModule {
		err = fmt.Errorf("trial: request: the module has more than %d bytes", maxModule)
	}
	return wasm, scenarios, err
}
