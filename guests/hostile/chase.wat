;; Follows addresses that it computes from what it loads, over 16 MiB: each load misses the caches.
;; want: fault fuel
(module
  (memory (export "memory") 257)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (local i32)
    (loop
      (local.set 1 (i32.add (i32.mul (i32.add (local.get 1) (i32.load8_u (i32.and (local.get 1) (i32.const 0xffffff)))) (i32.const 1664525)) (i32.const 1013904223)))
      (br 0)) (unreachable)))
