//go:build wasm && tinygo

package sdk

import (
	"runtime"

	"github.com/namelet/namelet/hostabi"
)

// collect frees memory while no query waits.
func collect(hostabi.IdleReason) { runtime.GC() }
