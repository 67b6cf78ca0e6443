package inspect

import "github.com/namelet/namelet/runtime/internal/wasm"

// WASIType gives the type of a function of [WASIFunctions].
func WASIType(name string) wasm.FuncType { return wasi[name] }
