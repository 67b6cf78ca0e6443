;; Looks something up while it starts, when there is no query: the status is -5, denied.
;; want: start guest error -5
(module
  (import "namelet_v1" "lookup" (func $lookup (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 64) "\03www\07example\03org\00") ;; 17 bytes
  (func (export "namelet_init") (param i32) (result i32)
    (call $lookup (i32.const 64) (i32.const 17) (i32.const 1) (i32.const 0)))
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32) (i32.const 0)))
