;; Starts where the value of its one key, of one letter, is yes, and says so else. It begins with two pages.
(module
  (import "namelet_v1" "log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "\00\10\00\00\00\04\00\00\00\20\00\00\00\04\00\00") ;; in 0x1000, out 0x2000, 1024 each
  (data (i32.const 0x2000) "\10\00\00\00" "\03" "\00" "\00\00" "\00\00\00\00" "\00\00\00\00") ;; answer, NXDOMAIN
  (data (i32.const 0x3000) "say yes")
  (func (export "namelet_abi_1"))
  (func (export "namelet_buffers") (result i32) (i32.const 16))
  (func (export "namelet_init") (param i32) (result i32)
    (if (i32.eq (i32.and (i32.load (i32.const 0x1011)) (i32.const 0xffffff)) (i32.const 0x736579)) (then (return (i32.const 0))))
    (drop (call $log (i32.const 3) (i32.const 0x3000) (i32.const 7)))
    (i32.const -1))
  (func (export "namelet_answer") (param i32) (result i32) (i32.const 16)))
