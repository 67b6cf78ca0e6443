;; Counts under a name that is not a metric's: the status is -7, invalid.
;; want: fault guest error -7
(module
  (import "namelet_v1" "metric_add" (func $metric_add (param i32 i32 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 64) "\ff\fe")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (call $metric_add (i32.const 64) (i32.const 2) (i64.const 1))))
