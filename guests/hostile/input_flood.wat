;; Asks for the time at a new grain again and again: the trace does not grow with it.
;; want: fault fuel
(module
  (import "namelet_v1" "now" (func $now (param i32) (result i64)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (local i32)
    (loop (drop (call $now (local.tee 1 (i32.add (local.get 1) (i32.const 1))))) (br 0)) (unreachable)))
