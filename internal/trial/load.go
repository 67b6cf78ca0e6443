package trial

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Load reads the scenarios of a folder: each file *.json is one, named by its file. A zone's file is one of the
// folder, or of a folder in it. The error names the file.
func Load(dir string) ([]Scenario, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files, err := fs.Glob(root.FS(), "*.json")
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s has no scenarios: want files *.json", dir)
	}
	var scenarios []Scenario
	room := int64(MaxScenarioBytes)
	for _, file := range files {
		s, err := load(root, file, &room)
		if err == nil {
			_, err = s.parse()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, file), err)
		}
		scenarios = append(scenarios, s)
	}
	return scenarios, Check(scenarios)
}

func load(root *os.Root, file string, room *int64) (Scenario, error) {
	text, err := read(root, file, room)
	if err != nil {
		return Scenario{}, err
	}
	s, err := decode(text)
	if err != nil {
		return Scenario{}, err
	}
	s.Name = strings.TrimSuffix(file, ".json")
	for i := range s.Zones {
		z := &s.Zones[i]
		if z.File == "" {
			continue
		}
		if z.Text != "" {
			return s, fmt.Errorf("zone %s: has both a text and a file", z.Apex)
		}
		text, err := read(root, z.File, room)
		if err != nil {
			return s, fmt.Errorf("zone %s: %w", z.Apex, err)
		}
		z.Text, z.File = string(text), ""
	}
	return s, nil
}

// decode reads one scenario, with no fields that there are not.
func decode(text []byte) (Scenario, error) {
	var s Scenario
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return s, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return s, errors.New("more than one JSON value")
	}
	return s, nil
}

// read reads a file within what room is left.
func read(root *os.Root, file string, room *int64) ([]byte, error) {
	f, err := root.Open(filepath.FromSlash(file))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, *room+1))
	if *room -= int64(len(text)); err == nil && *room < 0 {
		err = fmt.Errorf("the scenarios have more than %d bytes", MaxScenarioBytes)
	}
	return text, err
}
