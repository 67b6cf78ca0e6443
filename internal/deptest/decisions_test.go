package deptest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every decision has its number in its heading, and is in the list of them all.
func TestDecisionsAreListed(t *testing.T) {
	const dir = "../../docs/adr"
	list, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "[0-9]*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no decisions: %v", dir, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Base(path)
		heading, _, _ := strings.Cut(string(text), "\n")
		number, question, ok := strings.Cut(strings.TrimPrefix(heading, "# "), ": ")
		if !ok || !strings.HasPrefix(file, number+"-") {
			t.Errorf("%s begins with %q, want # %.4s: and its question", file, heading, file)
			continue
		}
		if line := "- [" + number + "](" + file + "): " + question + "\n"; !strings.Contains(string(list), line) {
			t.Errorf("docs/adr/README.md lacks the line %s", line)
		}
	}
}
