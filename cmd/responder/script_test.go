package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/namelet/namelet/internal/realzones"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == trialCommand { // of a server in the test's own process
		os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
	}
	testscript.Main(m, map[string]func(){"responder": main})
}

// TestScripts runs the command lines in testdata/script. Each script has a store
// and ports of its own. The commands below come on top of testscript's:
//
//	ready                      waits until the server in the background serves
//	within TIME RE PROG ARG... runs PROG again and again until its output matches RE
//	exits CODE PROG ARG...     runs PROG, which must end with this code
//	end                        sends SIGTERM to what runs in the background
//	hangup                     sends SIGHUP to what runs in the background
//	certificate NAME           writes cert.pem, self-signed, and key.pem
//	signing NAME               writes NAME.pub, NAME.key, NAME.locked and its NAME.password: a pair of keys of minisign
//	mounts                     fails, and says why, where a user may not mount file systems of its own
func TestScripts(t *testing.T) {
	environment := goEnvironment(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Deadline:            time.Now().Add(3 * time.Minute), // a server that should not have started does not end
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, environment...)
			for name, address := range serverAddresses(t) {
				e.Setenv(name, address)
				if name == "RESPONDER_LISTEN" {
					_, port, _ := net.SplitHostPort(address) // it is one that was listened on
					e.Setenv("DNS_PORT", port)
				}
			}
			for name, address := range freeAddresses(t, "TLS", "HTTPS") {
				host, port, err := net.SplitHostPort(address)
				if err != nil {
					return err
				}
				e.Setenv(name+"_HOST", host)
				e.Setenv(name+"_PORT", port)
			}
			e.Setenv("RESPONDER_STORE", "bolt:"+filepath.Join(e.WorkDir, "responder.db"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready":  scriptReady,
			"within": scriptWithin,
			"exits":  scriptExits,
			"end":    scriptEnd,
			"hangup": scriptHangup,
			"mounts": scriptMounts,

			"certificate": scriptCertificate,
			"signing":     scriptSigning,
		},
	})
}

// goEnvironment is what scripts need to build guests of this module, and where the
// real zones are, which fail only the scripts that read them where they are not there.
func goEnvironment(t *testing.T) []string {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	environment := []string{"REPO=" + repo, "ZONES=" + realzones.Folder(t)}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatalf("go env: %v: install Go from https://go.dev/dl", err)
		}
		environment = append(environment, name+"="+string(regexp.MustCompile(`\s+$`).ReplaceAll(value, nil)))
	}
	// Guests are compiled once for all scripts.
	return append(environment, "RESPONDER_GUEST_CACHE="+t.TempDir())
}

// serverAddresses returns free addresses for what a server listens on by default, by
// variable, and more by their names.
func serverAddresses(t testing.TB, more ...string) map[string]string {
	t.Helper()
	return freeAddresses(t, append([]string{"RESPONDER_LISTEN", "RESPONDER_CONTROL_LISTEN", "RESPONDER_METRICS_LISTEN"}, more...)...)
}

// memoryServer returns the environment of a server over a store in memory, and its
// addresses by variable.
func memoryServer(t testing.TB) (environ []string, addresses map[string]string) {
	t.Helper()
	environ, addresses = []string{"RESPONDER_STORE=memory:", "RESPONDER_GUEST_CACHE=" + t.TempDir()}, serverAddresses(t)
	for name, address := range addresses {
		environ = append(environ, name+"="+address)
	}
	return environ, addresses
}

// freeAddresses finds an address for each name, free for UDP and TCP a moment ago.
// The ports lie below those that the system gives to whoever asks for any, so that
// nobody gets one of them before its server does.
func freeAddresses(t testing.TB, names ...string) map[string]string {
	t.Helper()
	free := make(map[string]string)
	for _, name := range names {
		var address string
		for range 100 {
			tcp, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10_000+rand.IntN(20_000)))
			if err != nil {
				continue
			}
			defer tcp.Close() // held until all are found, so that they differ
			udp, err := net.ListenPacket("udp", tcp.Addr().String())
			if err == nil {
				udp.Close()
				address = tcp.Addr().String()
				break
			}
		}
		if address == "" {
			t.Fatal("no port is free for both UDP and TCP")
		}
		free[name] = address
	}
	return free
}

// awaitReady waits until the server with this metrics address says it is ready.
func awaitReady(metrics string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metrics+"/readyz", nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(r)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the server on %s is not ready: %v", metrics, err)
		}
	}
}

func scriptReady(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: ready")
	}
	ts.Check(awaitReady(ts.Getenv("RESPONDER_METRICS_LISTEN")))
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROG ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func scriptWithin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: within TIME REGEXP PROGRAM ARG...")
	}
	limit, err := time.ParseDuration(args[0])
	ts.Check(err)
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	for deadline := time.Now().Add(limit); ; {
		begun := time.Now()
		err := ts.Exec(args[2], args[3:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if begun.After(deadline) {
			ts.Fatalf("%v did not print %q within %s", args[2:], args[1], args[0])
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: end")
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

func scriptHangup(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: hangup")
	}
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGHUP))
	}
}

// scriptMounts tells what is missing on this machine from what is wrong with the
// program: what the scripts with mounts hold is promised, so they are not skipped.
func scriptMounts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: mounts")
	}
	if text, err := exec.Command("unshare", "-rm", "true").CombinedOutput(); err != nil {
		ts.Fatalf("this script mounts a file system in a user namespace, and unshare -rm fails: %v: %s"+
			" (Linux with util-linux; sysctl kernel.unprivileged_userns_clone=1 and"+
			" kernel.apparmor_restrict_unprivileged_userns=0, or run the tests as root)", err, text)
	}
}
