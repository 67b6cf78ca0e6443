;; Copies half of a memory of 16 MiB over the other half, over and over.
;; want: fault fuel
(module
  (memory (export "memory") 256)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop (memory.copy (i32.const 0) (i32.const 8388608) (i32.const 8388608)) (br 0)) (unreachable)))
