package zonefile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// zonesDir holds the real root zones. They stand beside the checkout, not in it.
const zonesDir = "../../../shared/zones"

func zonePath(t testing.TB, file string) string {
	path := filepath.Join(zonesDir, file)
	if _, err := os.Stat(path); os.IsNotExist(err) {
		t.Skipf("%s is not beside the checkout", path)
	}
	return path
}

// TestRealZones counts records by the lines of the files, which have one each.
func TestRealZones(t *testing.T) {
	for _, file := range []string{"root-2018.zone", "root-2014-signed.zone"} {
		t.Run(file, func(t *testing.T) {
			path := zonePath(t, file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sets, err := zonefile.ParseFile(path, rr.Root)
			if err != nil {
				t.Fatal(err)
			}
			lines := make(map[string]struct{})
			for _, line := range strings.Split(string(text), "\n") {
				if strings.TrimSpace(line) != "" && line[0] != ';' {
					lines[strings.Join(strings.Fields(line), " ")] = struct{}{}
				}
			}
			records := 0
			for _, s := range sets {
				records += len(s.Data)
			}
			if records != len(lines) {
				t.Errorf("%d records, want the file's %d different lines", records, len(lines))
			}
			checkRoundTrip(t, rr.Root, sets)
		})
	}
}

func BenchmarkParseRoot(b *testing.B) {
	path := zonePath(b, "root-2018.zone")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := zonefile.ParseFile(path, rr.Root); err != nil {
			b.Fatal(err)
		}
	}
}
