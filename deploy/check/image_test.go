package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/miekg/dns"
	core "k8s.io/api/core/v1"
)

// podman runs podman as it works without systemd, and gives what it prints on
// standard output.
func podman(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, podmanCommand(context.Background(), args...)) // at a test's end too
}

func podmanCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "podman", append([]string{"--cgroup-manager=cgroupfs", "--runtime", "runc"}, args...)...)
}

// feed runs a command of the program in the container, which reads a file on standard
// input: the image has no tar to copy files with.
func feed(t *testing.T, name, file string, args ...string) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := podmanCommand(t.Context(), append([]string{"exec", "-i", name, "responder"}, args...)...)
	cmd.Stdin = in
	output(t, cmd)
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// contained are the limits of every container of the tests: no user but the image's, no
// file that could be written but those of volumes, no capability.
var contained = []string{
	"--network", "host", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "all", "--security-opt", "no-new-privileges",
	"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024",
}

// TestImage builds the image and runs it as an operator would.
func TestImage(t *testing.T) {
	for _, tool := range []string{"podman", "runc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed to run the image; as root: apt-get install -y --no-install-recommends podman runc", tool)
		}
	}
	name := fmt.Sprintf("namelet-check-%d", os.Getpid())
	repository := serveRegistry(t) + "/" + name
	folder := filepath.Join(t.TempDir(), "context")
	image, size := buildImage(t, repository, folder)
	checkPushed(t, repository)
	t.Logf("the image has %.1f MB", float64(size)/1e6)
	if size > 64_000_000 {
		t.Errorf("the image has %d octets, want 64 MB at most", size)
	}

	// As the chart has it, its secrets included, but on ports that are free, and with less
	// time to drain.
	state, listen, metrics := name+"-state", freeAddress(t), freeAddress(t)
	podman(t, "volume", "create", state)
	t.Cleanup(func() { podman(t, "volume", "rm", state) })
	args := append([]string{"run", "-d", "--name", name, "--memory", "1g", "-v", state + ":/var/lib/namelet"}, contained...)
	made := templateValues(t, "control: {enabled: true}")
	for variable, value := range settings(t, made) {
		args = append(args, "-e", variable+"="+value)
	}
	for _, secret := range of[*core.Secret](made) {
		args = append(args, "-v", writeSecret(t, secret)+":/etc/namelet/"+strings.TrimPrefix(secret.Name, "ns1-namelet-")+":ro")
	}
	podman(t, append(args, "-e", "RESPONDER_LISTEN="+listen, "-e", "RESPONDER_METRICS_LISTEN="+metrics,
		"-e", "RESPONDER_CONTROL_LISTEN="+freeAddress(t), "-e", "RESPONDER_DRAIN=1s", "-e", "TZ=Asia/Kolkata", image)...)
	t.Cleanup(func() { podman(t, "rm", "-f", "-v", name) })

	awaitHealth(t, name)
	feed(t, name, "../../guests/apps/testdata/apps.example.zone", "zone", "import", "--origin", "apps.example", "/dev/stdin")
	if got := ask(t, listen, "apps.example.", dns.TypeSOA); len(got.Answer) != 1 || got.Rcode != dns.RcodeSuccess {
		t.Errorf("got %v, want the SOA of apps.example", got)
	}
	pushGuest(t, name, filepath.Join(folder, "linux", runtime.GOARCH, "usr/bin/responder"), listen)
	if user := podman(t, "inspect", "--format", "{{.Config.User}}", name); user != "65532:65532" {
		t.Errorf("runs as %q, want 65532:65532", user)
	}
	checkHeap(t, metrics)
	if text := logs(name); strings.Contains(text, "level=WARN") || strings.Contains(text, "level=ERROR") {
		t.Errorf("log has warnings:\n%s", text)
	}
	if !strings.Contains(logs(name), "+05:30 ") {
		t.Errorf("log does not go by TZ=Asia/Kolkata:\n%s", logs(name))
	}
	podman(t, "stop", "--time", "60", name)
	if code := podman(t, "inspect", "--format", "{{.State.ExitCode}}", name); code != "0" {
		t.Errorf("exit code %s after stop, want 0; log:\n%s", code, logs(name))
	}
	if !strings.Contains(logs(name), "stopping") {
		t.Errorf("log has no word of its end:\n%s", logs(name))
	}
}

// buildImage builds the image twice, checks that both are the same, and gives its
// name and size in octets. The program is in folder.
func buildImage(t *testing.T, name, folder string) (image string, size int) {
	t.Helper()
	image = fmt.Sprintf("%s:check-%s", name, runtime.GOARCH)
	t.Cleanup(func() { podman(t, "rmi", "-f", image) })
	digest := regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	build := func() string {
		cmd := exec.Command("../image", name)
		cmd.Env = append(os.Environ(), "ENGINE=podman", "TAG=check", "CONTEXT="+folder, "ARCHES="+runtime.GOARCH, "TAGS=", "PUSH=yes")
		return digest.FindString(output(t, cmd))
	}
	first, second := build(), build()
	if first == "" || first != second {
		t.Errorf("built twice: got digests %q and %q, want the same", first, second)
	}
	if _, err := fmt.Sscan(podman(t, "image", "inspect", "--format", "{{.Size}}", image), &size); err != nil {
		t.Fatal(err)
	}
	return image, size
}

// serveRegistry starts a registry on loopback that podman reaches without TLS.
func serveRegistry(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	address = server.Listener.Addr().String()
	file := filepath.Join(t.TempDir(), "registries.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, "[[registry]]\nlocation = %q\ninsecure = true\n", address), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONTAINERS_REGISTRIES_CONF", file)
	return address
}

// checkPushed checks that what was pushed is a list with an image for this architecture.
func checkPushed(t *testing.T, repository string) {
	t.Helper()
	var list struct {
		Manifests []struct {
			Digest   string
			Platform struct{ Architecture, OS string }
		}
	}
	if err := json.Unmarshal([]byte(podman(t, "manifest", "inspect", repository+":check")), &list); err != nil {
		t.Fatal(err)
	}
	if m := list.Manifests; len(m) != 1 || m[0].Platform.Architecture != runtime.GOARCH || m[0].Platform.OS != "linux" || m[0].Digest == "" {
		t.Errorf("pushed %+v, want one image for linux/%s", list, runtime.GOARCH)
	}
}

// awaitHealth runs the image's own health check until it is green.
func awaitHealth(t *testing.T, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		out, err := podmanCommand(ctx, "healthcheck", "run", name).CombinedOutput()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("not healthy after 30 s: %v: %s; log:\n%s", err, out, logs(name))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// writeSecret writes a Secret's files as Kubernetes would mount them.
func writeSecret(t *testing.T, secret *core.Secret) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for file, content := range secret.Data {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o444); err != nil {
			t.Fatal(err)
		}
	}
	// The container's user has to come through.
	for d := dir; d != filepath.Clean(os.TempDir()); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkHeap checks that the heap keeps below what the container may take.
func checkHeap(t *testing.T, metrics string) {
	t.Helper()
	response, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var limit float64
	for line := range strings.Lines(string(body)) {
		fmt.Sscanf(line, "go_gc_gomemlimit_bytes %g", &limit)
	}
	// 1 GiB, of which RESPONDER_GUEST_MEMORY takes 512 MiB.
	if want := 512.0 * (1 << 20) * 0.9; limit < want-16 || limit > want {
		t.Errorf("got a memory limit of %.0f octets, want %.0f", limit, want)
	}
}

// pushGuest builds a guest with the program of the image, pushes it into the running
// container, which tries it in a process of its own, and asks it.
func pushGuest(t *testing.T, name, responder, listen string) {
	t.Helper()
	module := filepath.Join(t.TempDir(), "mine.wasm")
	build := exec.Command(responder, "guest", "build", "./guests/whoami", "-o", module)
	build.Dir = "../.."
	output(t, build)
	feed(t, name, module, "guest", "push", "mine", "-")
	podman(t, "exec", name, "responder", "guest", "attach", "mine.apps.example", "mine")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got := ask(t, listen, "mine.apps.example.", dns.TypeA)
		if len(got.Answer) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v 10 s after the guest was attached, want an address; log:\n%s", got, logs(name))
		}
	}
}

func logs(name string) string {
	out, _ := podmanCommand(context.Background(), "logs", name).CombinedOutput()
	return string(out)
}

func ask(t *testing.T, address, name string, kind uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, kind)
	answer, err := dns.Exchange(q, address)
	if err != nil {
		t.Fatalf("%s %s: %v", name, dns.TypeToString[kind], err)
	}
	return answer
}

// freeAddress gives an address on loopback that nobody has, by UDP and TCP.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := l.Addr().String()
		p, err := net.ListenPacket("udp", address)
		l.Close()
		if err == nil {
			p.Close()
			return address
		}
	}
	t.Fatal("no address is free by UDP and TCP")
	return ""
}
