package conformance

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Vector is one example of a struct, well-formed or not.
type Vector struct {
	Name      string   // the file's name without its ending
	Subject   string   // what it is about, one sentence
	Struct    string   // which struct: answer, question, config, buffers, client ...
	Given     string   // what the reader needs to know beside the bytes, as key=value
	Bytes     []byte   // the encoding
	Fields    []string // what a reader must find, one line a part
	Error     string   // for a malformed struct: the problem, and "entry=N" where it is in an entry
	Canonical bool     // a writer given the fields must write exactly these bytes
}

// Vectors reads all vectors of a directory, hostabi/testdata/vectors for instance.
func Vectors(dir fs.FS) ([]Vector, error) {
	files, err := fs.Glob(dir, "*.txt")
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("conformance: no vectors: %w", fs.ErrNotExist)
	}
	vectors := make([]Vector, 0, len(files))
	for _, file := range files {
		text, err := fs.ReadFile(dir, file)
		if err != nil {
			return nil, fmt.Errorf("conformance: %w", err)
		}
		v, err := ParseVector(strings.TrimSuffix(path.Base(file), ".txt"), string(text))
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, v)
	}
	return vectors, nil
}

// ParseVector reads one vector. Each line is a key, a space and a value; "#" begins the subject.
// "hex" may come several times and may hold spaces; "field" may come several times.
func ParseVector(name, text string) (Vector, error) {
	v := Vector{Name: name, Canonical: true}
	for number, line := range strings.Split(text, "\n") {
		if err := v.line(strings.TrimSpace(line)); err != nil {
			return Vector{}, fmt.Errorf("conformance: vector %s, line %d: %w", name, number+1, err)
		}
	}
	if v.Struct == "" || v.Subject == "" {
		return Vector{}, fmt.Errorf("conformance: vector %s lacks a struct or a subject", name)
	}
	return v, nil
}

func (v *Vector) line(line string) error {
	key, value, _ := strings.Cut(line, " ")
	switch key {
	case "":
	case "#":
		v.Subject = strings.TrimSpace(v.Subject + " " + value)
	case "struct":
		v.Struct = value
	case "given":
		v.Given = value
	case "hex":
		b, err := hex.DecodeString(strings.ReplaceAll(value, " ", ""))
		v.Bytes = append(v.Bytes, b...)
		return err
	case "field":
		v.Fields = append(v.Fields, value)
	case "error":
		v.Error = value
	case "canonical":
		v.Canonical = value != "no"
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}
