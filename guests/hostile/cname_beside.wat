;; Answers with a CNAME beside an address.
;; want: fault rejected
(module
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (data (i32.const 0x2000)
    "\10\00\00\00\01\00\02\00\00\00\00\00\00\00\00\00"
    "\10\00\00\00\05\00\00\00\00\00\00\00\00\00\0f\00\01\62\07\65\78\61\6d\70\6c\65\03\6f\72\67\00"
    "\10\00\00\00\01\00\00\00\00\00\00\00\00\00\04\00\c0\00\02\01")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32) (i32.const 67)))
