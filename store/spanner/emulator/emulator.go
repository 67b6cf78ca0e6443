// Package emulator gives tests a Spanner to talk to: the official emulator, which
// keeps everything in memory, or a real instance.
//
// Start with Start, then Server.Database. Which one it is comes from the
// environment: TEST_SPANNER_DATABASE names a database of a real instance, in
// which each test makes a database of its own and drops it; SPANNER_EMULATOR_HOST
// an emulator that runs. Where neither is set the emulator of the Cloud SDK is
// started, and stopped with the test. A test without any of them fails.
package emulator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	database "cloud.google.com/go/spanner/admin/database/apiv1"
	"cloud.google.com/go/spanner/admin/database/apiv1/databasepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/namelet/namelet/store/spanner"
)

// Install is the command that installs the emulator.
const Install = "gcloud components install cloud-spanner-emulator (or, on Debian: apt-get install google-cloud-cli-spanner-emulator)"

// Server is where tests find databases.
type Server struct {
	Host    string // HOST:PORT of the emulator; empty where it is a real instance
	parent  string // projects/P/instances/I
	prefix  string // of the databases' names
	process *os.Process
}

// Start returns a server, which is let go of at the end of the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	if database := os.Getenv("TEST_SPANNER_DATABASE"); database != "" {
		parent, name, ok := strings.Cut(database, "/databases/")
		if !ok {
			tb.Fatalf("TEST_SPANNER_DATABASE: %q: want projects/P/instances/I/databases/D", database)
		}
		return &Server{parent: parent, prefix: name}
	}
	s := &Server{Host: os.Getenv("SPANNER_EMULATOR_HOST"), parent: "projects/namelet-test/instances/test", prefix: "test"}
	if s.Host == "" {
		s.launch(tb)
	}
	return s
}

// Database makes an empty database with the schema, and returns its name.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := s.Name()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := spanner.Migrate(ctx, name, spanner.MigrateOptions{Endpoint: s.Host, Create: true}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Drop(ctx, name); err != nil && s.Host == "" {
			tb.Errorf("database %s is left behind: %v", name, err)
		}
	})
	return name
}

// Drop deletes a database with all that is in it.
func (s *Server) Drop(ctx context.Context, name string) error {
	var options []option.ClientOption
	if s.Host != "" {
		options = append(options, option.WithEndpoint("passthrough:///"+s.Host), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	admin, err := database.NewDatabaseAdminClient(ctx, options...)
	if err != nil {
		return err
	}
	defer admin.Close()
	return admin.DropDatabase(ctx, &databasepb.DropDatabaseRequest{Database: name})
}

// Name returns the name of a database that is not there.
func (s *Server) Name() string {
	var random [5]byte
	rand.Read(random[:])
	return fmt.Sprintf("%s/databases/%.16s-%x", s.parent, s.prefix, random)
}

// Freeze stops the emulator in its tracks: connections stay, and nothing answers.
// It skips the test where the emulator is not this test's own.
func (s *Server) Freeze(tb testing.TB) { s.signal(tb, syscall.SIGSTOP) }

// Thaw lets a frozen emulator go on.
func (s *Server) Thaw(tb testing.TB) { s.signal(tb, syscall.SIGCONT) }

func (s *Server) signal(tb testing.TB, sig os.Signal) {
	tb.Helper()
	if s.process == nil {
		tb.Skip("the emulator is not this test's own")
	}
	if err := s.process.Signal(sig); err != nil {
		tb.Fatal(err)
	}
}

// launch starts the SDK's emulator on a port that is free. Another program may take
// the port first, so it is tried more than once.
func (s *Server) launch(tb testing.TB) {
	tb.Helper()
	path, err := find()
	if err != nil {
		tb.Fatal(err)
	}
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			tb.Fatal(err)
		}
		s.Host = l.Addr().String()
		l.Close()
		if err = s.run(tb, path); err == nil {
			return
		}
		tb.Logf("emulator: %v", err)
	}
	tb.Fatalf("emulator %s does not start", path)
}

func (s *Server) run(tb testing.TB, path string) error {
	cmd := exec.Command(path, "--host_port", s.Host)
	ended := make(chan error, 1)
	started := make(chan error)
	go startWithParent(cmd, started, ended)
	if err := <-started; err != nil {
		return err
	}
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cmd.Process.Kill()
			<-ended
		})
	}
	for range 100 {
		conn, err := net.DialTimeout("tcp", s.Host, time.Second)
		if err == nil {
			conn.Close()
			s.process = cmd.Process
			tb.Cleanup(stop)
			return nil
		}
		select {
		case err := <-ended:
			return fmt.Errorf("it ended at once: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	stop()
	return errors.New("it does not listen")
}

// find looks for the emulator below the root of the Cloud SDK.
func find() (string, error) {
	for _, root := range roots {
		if dir := root(); dir != "" {
			path := filepath.Join(dir, "bin", "cloud_spanner_emulator", "emulator_main")
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	return "", errors.New("tests of store/spanner need the Spanner emulator, which is not here: set SPANNER_EMULATOR_HOST or TEST_SPANNER_DATABASE, or install it: " + Install)
}

// roots are ways to find the SDK's root, the slow one last.
var roots = []func() string{
	func() string { return os.Getenv("CLOUDSDK_ROOT_DIR") },
	func() string {
		path, err := exec.LookPath("gcloud")
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return ""
		}
		return filepath.Dir(filepath.Dir(path))
	},
	func() string {
		out, err := exec.Command("gcloud", "info", "--format=value(installation.sdk_root)").Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	},
}
