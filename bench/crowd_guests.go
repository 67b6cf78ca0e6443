package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/template"

	"github.com/namelet/namelet/internal/guestbuild"
)

// crowdSources are the guests of a crowd in four languages. They do the same, with other numbers and other
// branches in each, so that their code differs and what they have to answer is known.
//
//go:embed crowd/*.tmpl
var crowdSources embed.FS

var crowdTemplates = template.Must(template.ParseFS(crowdSources, "crowd/*.tmpl"))

// crowdFiles are the templates of a language by the file they make.
var crowdFiles = map[string]map[string]string{
	"Go":             {"main.go": "guest.go.tmpl"},
	"C":              {"guest.c": "guest.c.tmpl"},
	"Rust":           {"lib.rs": "guest.rs.tmpl", "Cargo.toml": "Cargo.toml.tmpl"},
	"AssemblyScript": {"assembly/index.ts": "guest.ts.tmpl"},
}

// crowdGuest is one guest of a crowd.
type crowdGuest struct {
	Language   string
	Number     int
	Seed       uint32
	Factor     uint32 // odd
	First      byte   // octet of the addresses that it makes, where it has no configuration
	Special    []specialName
	Repository string // folder of this module, which sources name
}

// specialName is a first label that has an address of its own.
type specialName struct {
	Label string
	Addr  [4]byte
}

// makeCrowdGuest makes a guest by rule from its language and number alone.
func makeCrowdGuest(language string, number int, repository string) crowdGuest {
	n := uint32(number)
	g := crowdGuest{
		Language: language, Number: number, Repository: repository,
		Seed: n*2654435761 + 12345, Factor: (n*40503+1)<<1 | 1, First: byte(11 + number%50),
	}
	for i := range 1 + number%7 {
		g.Special = append(g.Special, specialName{
			Label: fmt.Sprintf("special-%d-%d", number, i),
			Addr:  [4]byte{198, 18, byte(number), byte(i)},
		})
	}
	return g
}

// name is that of the guest and of its module's file.
func (g crowdGuest) name() string {
	return fmt.Sprintf("crowd-%s-%d", strings.ToLower(g.Language), g.Number)
}

// address is what the guest has to answer for a first label.
func (g crowdGuest) address(label string, first byte) [4]byte {
	for _, s := range g.Special {
		if s.Label == label {
			return s.Addr
		}
	}
	hash := g.Seed
	for i := range len(label) {
		hash = (hash ^ uint32(label[i])) * g.Factor
	}
	return [4]byte{first, byte(hash >> 16), byte(hash >> 8), byte(hash)}
}

// sources are the guest's files by their path.
func (g crowdGuest) sources() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for path, name := range crowdFiles[g.Language] {
		var text bytes.Buffer
		if err := crowdTemplates.ExecuteTemplate(&text, name, g); err != nil {
			return nil, err
		}
		files[path] = text.Bytes()
	}
	return files, nil
}

// module is where the guest's module is kept: by its sources and those of the library that it is built with.
func (g crowdGuest) module(folder, library string) (string, error) {
	files, err := g.sources()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, library)
	text, err := json.Marshal(files) // in order of the keys
	if err != nil {
		return "", err
	}
	sum.Write(text)
	return filepath.Join(folder, g.name()+"-"+hex.EncodeToString(sum.Sum(nil)[:8])+".wasm"), nil
}

// write writes the guest's files into a new folder below work, or where its compiler wants it.
func (g crowdGuest) write(work string) (dir string, err error) {
	files, err := g.sources()
	if err != nil {
		return "", err
	}
	if g.Language == "Go" { // finds this module from a folder within it alone; ./... does not go into this one
		work = filepath.Join(g.Repository, "bin", "bench", "testdata")
		if err := os.MkdirAll(work, 0o755); err != nil {
			return "", err
		}
	}
	if dir, err = os.MkdirTemp(work, g.name()+"-"); err != nil {
		return "", err
	}
	for path, text := range files {
		path = filepath.Join(dir, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return dir, err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return dir, err
		}
	}
	return dir, nil
}

// build builds the guest in a folder of its own.
func (g crowdGuest) build(ctx context.Context, work, module string) error {
	dir, err := g.write(work)
	defer os.RemoveAll(dir)
	if err != nil {
		return err
	}
	made := filepath.Join(dir, "made.wasm")
	if _, err := guestbuild.Build(ctx, dir, made); err != nil {
		var refused *guestbuild.Error
		if errors.As(err, &refused) {
			return fmt.Errorf("%s: %w\n%s", g.name(), err, refused.Messages)
		}
		return fmt.Errorf("%s: %w", g.name(), err)
	}
	return copyFile(made, module)
}

// scriptsAtOnce are compiled in one process.
const scriptsAtOnce = 50

// buildScripts builds guests in AssemblyScript, many in one process.
func (r modulesRequest) buildScripts(ctx context.Context, guests []int) error {
	compiler, err := guestbuild.ScriptCompiler(r.Work)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(guests, scriptsAtOnce) {
		var all [][]string
		made := make(map[string]string)
		for _, i := range some {
			g := r.Guests[i]
			dir, err := g.write(r.Work)
			defer os.RemoveAll(dir)
			if err != nil {
				return err
			}
			out := filepath.Join(dir, "made.wasm")
			library := filepath.Join(g.Repository, "sdk", "assemblyscript")
			all = append(all, append(guestbuild.ScriptArguments(library, out), "--baseDir", dir))
			made[out] = r.Files[i]
		}
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "node", filepath.Join(r.Guests[guests[0]].Repository, "bench", "crowd", "asc.mjs"), compiler)
		cmd.Stdin = bytes.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("AssemblyScript: %w\n%s", err, out)
		}
		for from, to := range made {
			if err := copyFile(from, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyFile copies a file so that it is there whole or not at all.
func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	partial := to + ".part"
	if err := os.WriteFile(partial, text, 0o644); err != nil {
		return err
	}
	return os.Rename(partial, to)
}

// modulesRequest is what the command `bench modules` is to build.
type modulesRequest struct {
	Work   string       `json:"work"`
	Guests []crowdGuest `json:"guests"`
	Files  []string     `json:"files"` // of the modules, each where its guest is
}

// modulesCommand builds the guests of a request.
func modulesCommand(in io.Reader) error {
	var request modulesRequest
	if err := json.NewDecoder(in).Decode(&request); err != nil {
		return err
	}
	// One folder, so that the library is compiled once.
	if err := os.Setenv("CARGO_TARGET_DIR", filepath.Join(request.Work, "target")); err != nil {
		return err
	}
	return request.build(context.Background())
}

// build builds the guests of each language one after the other, and the languages beside each other.
func (r modulesRequest) build(ctx context.Context) error {
	byLanguage := make(map[string][]int)
	for i, g := range r.Guests {
		byLanguage[g.Language] = append(byLanguage[g.Language], i)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for language, guests := range byLanguage {
		build := r.buildEach
		if language == "AssemblyScript" {
			build = r.buildScripts
		}
		group.Go(func() {
			if err := build(ctx, guests); err != nil {
				cancel(err)
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}

func (r modulesRequest) buildEach(ctx context.Context, guests []int) error {
	for _, i := range guests {
		if err := r.Guests[i].build(ctx, r.Work, r.Files[i]); err != nil {
			return err
		}
	}
	return nil
}

// crowdModules builds what is not built yet of some guests, on both cores, and gives the modules' files.
func (b *bench) crowdModules(ctx context.Context, guests []crowdGuest) ([]string, error) {
	folder := b.crowdFolder
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	library, err := libraryState(guests[0].Repository)
	if err != nil {
		return nil, err
	}
	request := modulesRequest{Work: filepath.Join(b.dir, "crowd-build")}
	var files []string
	for _, g := range guests {
		file, err := g.module(folder, library)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
		if _, err := os.Stat(file); err != nil {
			request.Guests, request.Files = append(request.Guests, g), append(request.Files, file)
		}
	}
	if len(request.Guests) == 0 {
		return files, nil
	}
	if err := os.MkdirAll(request.Work, 0o755); err != nil {
		return nil, err
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	b.note("crowd: build %d modules into %s", len(request.Guests), folder)
	_, err = runOn(ctx, fmt.Sprintf("%d,%d", b.serverCore, b.loadCore), nil, text, b.self, "modules")
	return files, err
}

// libraryState is a sum over the libraries that guests are built with.
func libraryState(repository string) (string, error) {
	sum := sha256.New()
	for _, pattern := range []string{"*.go", "c/*.h", "rust/*.toml", "rust/src/*.rs", "assemblyscript/namelet/*.ts"} {
		paths, err := filepath.Glob(filepath.Join(repository, "sdk", pattern))
		if err != nil {
			return "", err
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			fmt.Fprintln(sum, path, len(text))
			sum.Write(text)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
