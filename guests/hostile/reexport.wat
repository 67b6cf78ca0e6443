;; Exports an import of the host as its answer: pick has the same type.
;; want: fault malformed
(module
  (import "namelet_v1" "pick" (func $pick (param i32) (result i32)))
  (export "namelet_answer" (func $pick))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16)))
