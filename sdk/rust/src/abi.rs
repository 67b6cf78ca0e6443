//! The imports, the two buffers and what the exports do (SPEC.md sections 2 to 4).

use core::cell::UnsafeCell;

use crate::{Answer, Config, Guest, Query, Status};

#[link(wasm_import_module = "namelet_v1")]
extern "C" {
    pub fn lookup(name: *const u8, name_len: usize, rtype: u32, flags: u32) -> i32;
    pub fn lookup_many(requests: *mut u8, count: usize) -> i32;
    pub fn rrset_info(handle: i32, buf: *mut u8, cap: usize) -> i32;
    pub fn rrset_read(handle: i32, buf: *mut u8, cap: usize) -> i32;
    pub fn client(v4_bits: i32, v6_bits: i32, buf: *mut u8) -> i32;
    pub fn now(grain: i32) -> i64;
    pub fn before(unix_seconds: i64) -> i32;
    pub fn pick(n: i32) -> i32;
    pub fn transport() -> i32;
    pub fn site(buf: *mut u8, cap: usize) -> i32;
    pub fn log(level: i32, line: *const u8, len: usize) -> i32;
    pub fn metric_add(name: *const u8, len: usize, delta: i64) -> i32;
}

/// Capacity of each of the two buffers.
pub const BUFFER: usize = 8192;

#[repr(C, align(16))]
struct Memory {
    table: [u32; 4],
    input: [u8; BUFFER],
    output: [u8; BUFFER],
}

struct Shared(UnsafeCell<Memory>);

// A guest has one thread, and the host calls it once at a time.
unsafe impl Sync for Shared {}

static SHARED: Shared = Shared(UnsafeCell::new(Memory {
    table: [0; 4],
    input: [0; BUFFER],
    output: [0; BUFFER],
}));

/// What `namelet_buffers` gives: where the table of the two buffers lies.
pub fn buffers() -> usize {
    let memory = unsafe { &mut *SHARED.0.get() };
    memory.table = [
        memory.input.as_ptr() as usize as u32,
        BUFFER as u32,
        memory.output.as_ptr() as usize as u32,
        BUFFER as u32,
    ];
    memory.table.as_ptr() as usize
}

pub fn get16(p: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([p[at], p[at + 1]])
}

pub fn get32(p: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([p[at], p[at + 1], p[at + 2], p[at + 3]])
}

/// A result of the host: a value of 0 or more, or a status.
pub fn checked(result: i32) -> Result<i32, Status> {
    if result < 0 {
        Err(Status(result))
    } else {
        Ok(result)
    }
}

/// Where the one guest of a module lies. Use [`crate::guest!`].
pub struct Slot<G>(UnsafeCell<Option<G>>);

// As with Shared.
unsafe impl<G> Sync for Slot<G> {}

impl<G> Slot<G> {
    pub const fn empty() -> Self {
        Slot(UnsafeCell::new(None))
    }
}

impl<G: Guest> Slot<G> {
    /// `namelet_init`.
    pub fn init(&self, len: usize) -> i32 {
        let memory = unsafe { &*SHARED.0.get() };
        let guest = memory
            .input
            .get(..len)
            .and_then(Config::read)
            .and_then(|c| G::configure(&c));
        let status = if guest.is_some() { 0 } else { Status::INVALID.0 };
        unsafe { *self.0.get() = guest };
        status
    }

    /// `namelet_answer`.
    pub fn answer(&self, len: usize) -> i32 {
        let guest = unsafe { &*self.0.get() };
        // One borrow for each buffer: the query is read from the one, the answer written to the other.
        let (input, output) = unsafe {
            let memory = SHARED.0.get();
            (
                &*core::ptr::addr_of!((*memory).input),
                &mut *core::ptr::addr_of_mut!((*memory).output),
            )
        };
        let (guest, query) = match (guest, input.get(..len).and_then(Query::read)) {
            (Some(guest), Some(query)) => (guest, query),
            _ => return Status::INVALID.0,
        };
        let mut answer = Answer::new(output);
        guest.answer(&query, &mut answer);
        answer.finish()
    }
}
