;; Loads from five places at once, each a cache line from the next, over 16 MiB, without waiting for any.
;; want: fault fuel
(module
  (memory (export "memory") 257)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (local i32 i32)
    (loop
      (local.set 1 (i32.and (i32.add (local.get 1) (i32.const 69696)) (i32.const 0xffffff)))
      (local.set 2 (i32.load8_u offset=0 (local.get 1)))
      (local.set 2 (i32.add (local.get 2) (i32.load8_u offset=4160 (local.get 1))))
      (local.set 2 (i32.add (local.get 2) (i32.load8_u offset=8320 (local.get 1))))
      (local.set 2 (i32.add (local.get 2) (i32.load8_u offset=12480 (local.get 1))))
      (local.set 2 (i32.add (local.get 2) (i32.load8_u offset=16640 (local.get 1))))
      (i32.store8 offset=20800 (local.get 1) (local.get 2))
      (br 0)) (unreachable)))
