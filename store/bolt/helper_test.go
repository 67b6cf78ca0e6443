package bolt

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store"
)

// Tests that need another process start this binary again, with a role and a
// file in its environment.
const (
	roleVar = "NAMELET_TEST_ROLE"
	fileVar = "NAMELET_TEST_FILE"
)

func TestMain(m *testing.M) {
	role := map[string]func(path string) error{"write": writeForever, "cramped": writeCramped, "fill": fillDisk, "hold": holdFile}[os.Getenv(roleVar)]
	if role == nil {
		os.Exit(m.Run())
	}
	if err := role(os.Getenv(fileVar)); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

// helper starts this binary in a role; lines are what it prints.
func helper(t *testing.T, role, path string) (cmd *exec.Cmd, lines *bufio.Scanner) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVar+"="+role, fileVar+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return cmd, bufio.NewScanner(out)
}

// holdFile opens a store and keeps it for longer than a test takes.
func holdFile(path string) error {
	if _, err := openStore(path); err != nil {
		return err
	}
	fmt.Println("ready")
	time.Sleep(time.Minute)
	return nil
}

var ctx = context.Background()

func openStore(path string) (*store.Store, error) {
	d, err := Open(path, Options{})
	if err != nil {
		return nil, err
	}
	st, err := store.New(ctx, d, store.Options{})
	if err != nil {
		d.Close()
	}
	return st, err
}

func mustOpen(t testing.TB, path string) *store.Store {
	t.Helper()
	st, err := openStore(path)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func name(format string, args ...any) rr.Name { return rr.MustParseName(fmt.Sprintf(format, args...)) }

func soa(zone rr.Name, serial uint32) rr.Set {
	data := []byte(zone.Wire() + zone.Wire())
	data = binary.BigEndian.AppendUint32(data, serial)
	return rr.Set{Name: zone, Type: rr.TypeSOA, TTL: 60, Data: []rr.Rdata{rr.Rdata(append(data, make([]byte, 16)...))}}
}

func address(owner rr.Name, v uint32) rr.Set {
	return rr.Set{Name: owner, Type: rr.TypeA, TTL: 60, Data: []rr.Rdata{rr.Rdata(binary.BigEndian.AppendUint32(nil, v))}}
}

// content is n sets and an SOA, all with one number.
func content(zone rr.Name, number uint32, n int) []rr.Set {
	sets := []rr.Set{soa(zone, number)}
	for i := range n {
		sets = append(sets, address(name("h%05d.%v", i, zone), number))
	}
	return sets
}

func value(s rr.Set) uint32 { return binary.BigEndian.Uint32([]byte(s.Data[0])) }
