;; Spends the 64 lookups of a query and then turns for ever.
;; want: fault fuel
(module
  (import "namelet_v1" "lookup" (func $lookup (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 64) "\03www\07example\03org\00") ;; 17 bytes
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (local i32)
    (loop $more
      (drop (call $lookup (i32.const 64) (i32.const 17) (i32.const 1) (i32.const 0)))
      (br_if $more (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (i32.const 64))))
    (loop (br 0)) (unreachable)))
