;; Prints 16 KiB for ever.
;; want: fault fuel
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 64) "\00\40\00\00\00\40\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop (drop (call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 80))) (br 0)) (unreachable)))
