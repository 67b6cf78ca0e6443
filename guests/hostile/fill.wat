;; Fills a memory of 16 MiB over and over: each instruction is one, its work is not.
;; want: fault fuel
(module
  (memory (export "memory") 256)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop (memory.fill (i32.const 0) (i32.const 255) (i32.const 16777216)) (br 0)) (unreachable)))
