;; Answers with a DNAME, to take away every name below.
;; want: fault rejected
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 0x2000)
    "\10\00\00\00\01\00\01\00\00\00\00\00\00\00\00\00"
    "\10\00\00\00\27\00\00\00\00\00\00\00\00\00\01\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32) (i32.const 33)))
