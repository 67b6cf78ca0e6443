;; Sleeps an hour, for ever: the virtual clock moves, the query does not wait.
;; want: fault fuel
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 88) "\00\a0\b8\30\46\03\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop (drop (call $poll (i32.const 64) (i32.const 128) (i32.const 1) (i32.const 192))) (br 0)) (unreachable)))
