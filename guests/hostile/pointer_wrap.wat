;; Gives log a line whose end wraps past 2^32.
;; want: fault abi
(module
  (import "namelet_v1" "log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (call $log (i32.const 1) (i32.const -8) (i32.const 16))))
