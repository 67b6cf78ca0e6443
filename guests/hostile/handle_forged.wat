;; Reads a handle that it made up: the status is -9, no such handle.
;; want: fault guest error -9
(module
  (import "namelet_v1" "rrset_read" (func $rrset_read (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_answer") (param i32) (result i32)
    (call $rrset_read (i32.const 7) (i32.const 0) (i32.const 0))))
