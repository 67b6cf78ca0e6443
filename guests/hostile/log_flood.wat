;; Logs for ever: sixteen lines of a query are kept.
;; want: fault fuel
(module
  (import "namelet_v1" "log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop (drop (call $log (i32.const 3) (i32.const 0) (i32.const 16))) (br 0)) (unreachable)))
