package trial

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/namelet/namelet/runtime"
)

// Bounds of what goes between a Child and its process in bytes.
const (
	MaxScenarioBytes = 4 << 20 // of all scenarios in JSON
	maxRequest       = MaxScenarioBytes + 64<<10
	maxModule        = 8 << 20
	maxAnswer        = 1 << 20
)

// What goes in is the length of a request (8 octets, big-endian), the request in JSON, the length of the module
// and the module. Nothing comes behind it, and the end of that nothing is the end of the parent, so that
// a process does not outlive who wants its report. What comes out is a Report in JSON, and nothing where the
// process has failed.

// request is what is to be done with the module.
type request struct {
	Most      runtime.Limits // that the server allows
	Scenarios []Scenario
	Start     *start // it is only to start with this; nil for all else
}

// start is a runtime.GenerationConfig. Values are whatever bytes, which JSON has as texts only in UTF-8.
type start struct {
	Values map[string][]byte
	Limits runtime.Limits
}

func startOf(c runtime.GenerationConfig) *start {
	s := start{Values: make(map[string][]byte, len(c.Values)), Limits: c.Limits}
	for key, value := range c.Values {
		s.Values[key] = []byte(value)
	}
	return &s
}

func (s *start) config() runtime.GenerationConfig {
	c := runtime.GenerationConfig{Values: make(map[string]string, len(s.Values)), Limits: s.Limits}
	for key, value := range s.Values {
		c.Values[key] = string(value)
	}
	return c
}

// writeRequest writes what goes in.
func writeRequest(w io.Writer, wasm []byte, q request) error {
	text, err := json.Marshal(q)
	if err != nil {
		return err
	}
	if len(text) > maxRequest {
		return fmt.Errorf("trial: scenarios or configuration of %d bytes: want at most %d", len(text), maxRequest)
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
func readRequest(r io.Reader) (wasm []byte, q request, err error) {
	text, err := readPart(r, maxRequest)
	if err != nil {
		return nil, q, fmt.Errorf("trial: request: %w", err)
	}
	if err := json.Unmarshal(text, &q); err != nil {
		return nil, q, fmt.Errorf("trial: request: %w", err)
	}
	if wasm, err = readPart(r, maxModule); err != nil {
		return nil, q, fmt.Errorf("trial: request: module: %w", err)
	}
	return wasm, q, nil
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

// answer is a line of what comes out.
type answer struct {
	Phase  Phase   `json:",omitempty"`
	Report *Report `json:",omitempty"`
}

// answers takes the lines in, as they come, until it is closed.
type answers struct {
	mu     sync.Mutex
	tell   func(Phase) // nil for nobody, and after the end
	line   bounded
	report *Report
	err    error // of the first line that makes no sense
}

// Write implements io.Writer, and never fails, so that the process goes on.
func (a *answers) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for rest := p; ; {
		part, after, whole := bytes.Cut(rest, []byte("\n"))
		_, _ = a.line.Write(part)
		if !whole {
			return len(p), nil
		}
		a.take(a.line.Bytes())
		a.line.Reset()
		rest = after
	}
}

func (a *answers) take(line []byte) {
	var said answer
	if err := json.Unmarshal(line, &said); err != nil {
		a.err = cmp.Or(a.err, err)
		return
	}
	if said.Report != nil {
		a.report = said.Report
	}
	if said.Phase != "" && a.tell != nil {
		a.tell(said.Phase)
	}
}

// close gives the report.
func (a *answers) close() (*Report, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tell = nil
	if a.err == nil && a.report == nil {
		a.err = errors.New("there is none")
	}
	return a.report, a.err
}
