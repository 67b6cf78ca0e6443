;; Turns for ever through a jump table, without a plain backward branch.
;; want: fault fuel
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop $again (block $out (br_table $again $again $out (i32.const 1)))) (unreachable)))
