;; Grows a table to 2^29 entries, again and again.
;; want: fault fuel
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (table 1 funcref)
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (loop (drop (table.grow 0 (ref.null func) (i32.const 536870912))) (br 0)) (unreachable)))
