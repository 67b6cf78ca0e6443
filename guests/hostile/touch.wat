;; Writes one byte to each page of a memory of 16 MiB, again and again.
;; want: fault fuel
(module
  (memory (export "memory") 257)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (local i32)
    (loop
      (i32.store8 (local.tee 1 (i32.and (i32.add (local.get 1) (i32.const 4160)) (i32.const 0xffffff))) (i32.const 1))
      (br 0)) (unreachable)))
