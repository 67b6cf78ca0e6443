package inspect

import (
	"maps"
	"slices"

	"github.com/namelet/namelet/runtime/internal/wasm"
)

// WASIModule is the module of the WASI functions that a guest may import.
const WASIModule = "wasi_snapshot_preview1"

// wasi lists the functions of WASI preview 1 that a guest may import: those that the standard library
// of Go imports, whatever the guest calls of it, and those that the C library under C and Rust adds.
// The host gives them nothing to reach: no files, no network, a virtual clock.
var wasi = map[string]wasm.FuncType{
	"args_get":                wasiType("ii"),
	"args_sizes_get":          wasiType("ii"),
	"clock_res_get":           wasiType("ii"),
	"clock_time_get":          wasiType("iIi"),
	"environ_get":             wasiType("ii"),
	"environ_sizes_get":       wasiType("ii"),
	"fd_close":                wasiType("i"),
	"fd_fdstat_get":           wasiType("ii"),
	"fd_fdstat_set_flags":     wasiType("ii"),
	"fd_fdstat_set_rights":    wasiType("iII"),
	"fd_filestat_get":         wasiType("ii"),
	"fd_filestat_set_size":    wasiType("iI"),
	"fd_pread":                wasiType("iiiIi"),
	"fd_prestat_dir_name":     wasiType("iii"),
	"fd_prestat_get":          wasiType("ii"),
	"fd_pwrite":               wasiType("iiiIi"),
	"fd_read":                 wasiType("iiii"),
	"fd_readdir":              wasiType("iiiIi"),
	"fd_seek":                 wasiType("iIii"),
	"fd_sync":                 wasiType("i"),
	"fd_tell":                 wasiType("ii"),
	"fd_write":                wasiType("iiii"),
	"path_create_directory":   wasiType("iii"),
	"path_filestat_get":       wasiType("iiiii"),
	"path_filestat_set_times": wasiType("iiiiIIi"),
	"path_link":               wasiType("iiiiiii"),
	"path_open":               wasiType("iiiiiIIii"),
	"path_readlink":           wasiType("iiiiii"),
	"path_remove_directory":   wasiType("iii"),
	"path_rename":             wasiType("iiiiii"),
	"path_symlink":            wasiType("iiiii"),
	"path_unlink_file":        wasiType("iii"),
	"poll_oneoff":             wasiType("iiii"),
	"random_get":              wasiType("ii"),
	"sched_yield":             wasiType(""),
	"sock_accept":             wasiType("iii"),
	"sock_shutdown":           wasiType("ii"),
	"proc_exit":               {Params: []wasm.ValueType{wasm.I32}},
}

// WASIFunctions lists the names of the functions of [WASIModule] that a guest may import, sorted.
func WASIFunctions() []string { return slices.Sorted(maps.Keys(wasi)) }

// wasiType makes the type of a function that returns an error number; i is i32 and I is i64.
func wasiType(params string) wasm.FuncType {
	t := wasm.FuncType{Results: []wasm.ValueType{wasm.I32}}
	for _, c := range params {
		if c == 'I' {
			t.Params = append(t.Params, wasm.I64)
		} else {
			t.Params = append(t.Params, wasm.I32)
		}
	}
	return t
}
