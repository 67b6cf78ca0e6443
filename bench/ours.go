package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// guest is a guest that our server has attached.
type guest struct {
	name, folder string
	zone         string
	args         []string // of `guest attach`
}

// ours is our server with some guests. cache is RESPONDER_CACHE_BYTES; empty is the default.
func ours(name, cache string, private []zone, guests ...guest) kind {
	return kind{name: name, start: func(b *bench, s *setup) (*process, *process, error) {
		env, err := b.environment(s, cache)
		if err != nil {
			return nil, nil, err
		}
		if err := b.fill(s, env, private, guests); err != nil {
			return nil, nil, err
		}
		p, err := start(b.serverCore, env, b.responder, "serve")
		return p, nil, err
	}}
}

// environment is the configuration of a server of ours.
func (b *bench) environment(s *setup, cache string) ([]string, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	s.control = fmt.Sprintf("127.0.0.1:%d", ports[0])
	env := []string{
		"RESPONDER_STORE=bolt:" + filepath.Join(s.dir, "responder.db"),
		fmt.Sprintf("RESPONDER_LISTEN=127.0.0.1:%d", s.port),
		fmt.Sprintf("RESPONDER_DOT_LISTEN=127.0.0.1:%d", s.tlsPort),
		"RESPONDER_TLS_CERT=" + s.tls.chain,
		"RESPONDER_TLS_KEY=" + s.tls.key,
		"RESPONDER_CONTROL_LISTEN=" + s.control,
		"RESPONDER_METRICS_LISTEN=none",
		"RESPONDER_LOG_LEVEL=error",
		"RESPONDER_RRL_RATE=0", "RESPONDER_RRL_PREFIX_RATE=0", // as with the peers
		"RESPONDER_GUEST_CACHE=" + filepath.Join(b.dir, "guest-cache"),
	}
	if cache != "" {
		env = append(env, "RESPONDER_CACHE_BYTES="+cache)
	}
	return env, nil
}

// fill imports zones and attaches guests, before the server runs.
func (b *bench) fill(s *setup, env []string, private []zone, guests []guest) error {
	cli := func(args ...string) error {
		_, err := runTool(context.Background(), b.loadCore, env, nil, b.responder, args...)
		return err
	}
	for _, z := range s.zones {
		if err := cli("zone", "import", "--origin", z.apex, z.file); err != nil {
			return err
		}
	}
	for _, z := range private {
		if err := cli("zone", "import", "--origin", z.apex, "--private", z.file); err != nil {
			return err
		}
	}
	for _, g := range guests {
		module, err := b.build(g)
		if err != nil {
			return err
		}
		if err := cli("guest", "push", g.name, module); err != nil {
			return err
		}
		if err := cli(append([]string{"guest", "attach", g.zone, g.name}, g.args...)...); err != nil {
			return err
		}
	}
	return nil
}

// build builds a guest once and gives the module's file.
func (b *bench) build(g guest) (string, error) {
	module := filepath.Join(b.dir, g.name+".wasm")
	if _, err := os.Stat(module); err == nil {
		return module, nil
	}
	_, err := runTool(context.Background(), b.loadCore, nil, nil, b.responder, "guest", "build", g.folder, "-o", module)
	return module, err
}
