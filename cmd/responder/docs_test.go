package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestGuides runs what documents have in fences of the kind sh, in one shell for each document, from the root of the
// repository. A fence of the kind text has what the one before it printed at its end.
func TestGuides(t *testing.T) {
	environment := goEnvironment(t)
	for _, file := range []string{"getting-started.md", "operations/backup.md", "operations/secure.md", "operations/troubleshoot.md"} {
		t.Run(file, func(t *testing.T) { runGuide(t, file, environment) })
	}
}

func runGuide(t *testing.T, file string, environment []string) {
	text, err := os.ReadFile(filepath.Join("../../docs", file))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	script, err := guideScript(string(text))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	env := append(os.Environ(), environment...)
	env = append(env, "HOME="+home)
	var here []string // in the place of the ports that the document has
	for name, address := range serverAddresses(t, "SECOND") {
		env = append(env, name+"="+address)
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		switch name {
		case "RESPONDER_LISTEN":
			here = append(here, "5300", port)
		case "RESPONDER_METRICS_LISTEN":
			here = append(here, "9153", port)
		case "SECOND":
			here = append(here, "5301", port)
		}
	}
	script = strings.NewReplacer(here...).Replace(script)
	out := runShell(t, script, env)
	for i, want := range guideTexts(string(text)) {
		mark := fmt.Sprintf("-- %d --\n", i)
		_, got, _ := strings.Cut(out, mark)
		got, _, _ = strings.Cut(got, "-- end --\n")
		if !strings.HasSuffix(got, want) {
			t.Errorf("%s: got\n%s\nwant at its end\n%s", file, got, want)
		}
	}
}

// runShell runs a script, and ends what it left in the background.
func runShell(t *testing.T, script string, env []string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir, cmd.Env = "../..", env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 10 * time.Second
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nobody may be left
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.String(), errOut.String())
	}
	return out.String()
}

// fences calls f for each fence with its kind and content.
func fences(text string, f func(kind, content string)) {
	for {
		_, after, found := strings.Cut(text, "\n```")
		if !found {
			return
		}
		kind, rest, _ := strings.Cut(after, "\n")
		content, end, _ := strings.Cut(rest, "\n```")
		f(kind, content+"\n")
		text = end
	}
}

// guideTexts are the outputs that a document shows.
func guideTexts(text string) (all []string) {
	fences(text, func(kind, content string) {
		if kind == "text" {
			all = append(all, content)
		}
	})
	return all
}

// guideScript is a document's commands, with marks around what is printed where the document shows it.
func guideScript(text string) (string, error) {
	var parts []string
	shown := 0
	fences(text, func(kind, content string) {
		switch last := len(parts) - 1; {
		case kind == "sh":
			parts = append(parts, content)
		case kind == "text" && last >= 0:
			parts[last] = fmt.Sprintf("echo '-- %d --'\n%secho '-- end --'\n", shown, parts[last])
			shown++
		}
	})
	if len(parts) == 0 {
		return "", fmt.Errorf("has no commands")
	}
	return "trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT\n" + strings.Join(parts, ""), nil
}
