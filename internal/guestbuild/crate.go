package guestbuild

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// crateModule reads the messages of cargo build for the module of the last
// crate, which is the one that was asked for.
func crateModule(messages io.Reader) (string, error) {
	module := ""
	for dec := json.NewDecoder(messages); ; {
		var m struct {
			Reason    string   `json:"reason"`
			Filenames []string `json:"filenames"`
		}
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return "", err
		}
		for _, f := range m.Filenames {
			if m.Reason == "compiler-artifact" && strings.HasSuffix(f, ".wasm") {
				module = f
			}
		}
	}
	if module == "" {
		return "", errors.New(`cargo made no module: Cargo.toml wants crate-type = ["cdylib"] under [lib]`)
	}
	return module, nil
}
