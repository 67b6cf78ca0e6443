;; Calls its own namelet_answer from within it, through the table that it exports.
;; want: fault stack
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (type $answer (func (param i32) (result i32)))
  (table (export "table") 1 funcref)
  (elem (i32.const 0) 2)
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (call_indirect (type $answer) (local.get 0) (i32.const 0))))
