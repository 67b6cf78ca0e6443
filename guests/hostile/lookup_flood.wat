;; Looks up for ever: the 65th lookup of a query is -8, limit, and costs fuel all the same.
;; want: fault fuel
(module
  (import "namelet_v1" "lookup" (func $lookup (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 64) "\03www\07example\03org\00") ;; 17 bytes
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop (drop (call $lookup (i32.const 64) (i32.const 17) (i32.const 1) (i32.const 0))) (br 0)) (unreachable)))
