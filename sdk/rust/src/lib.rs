//! Write a guest of Namelet in Rust.
//!
//! A guest is a type that implements [`Guest`], named to [`guest!`] once:
//!
//! ```ignore
//! use namelet::{rtype, Answer, Config, Guest, Query};
//!
//! struct Fixed;
//!
//! impl Guest for Fixed {
//!     fn configure(config: &Config) -> Option<Self> {
//!         config.is_empty().then_some(Fixed)
//!     }
//!     fn answer(&self, _: &Query, a: &mut Answer) {
//!         a.rdata(rtype::A, &[192, 0, 2, 1]);
//!     }
//! }
//!
//! namelet::guest!(Fixed);
//! ```
//!
//! The crate that does so is of type `cdylib`, and `responder guest build FOLDER` builds it for
//! `wasm32-unknown-unknown`. This crate needs no standard library and allocates nothing.
//!
//! The ABI is hostabi/SPEC.md. Names are in uncompressed wire form, lower case from the host.
#![no_std]

mod abi;
mod answer;
mod config;
mod query;

#[doc(hidden)]
pub use abi::{buffers, Slot};
pub use answer::{Answer, Record};
pub use config::{Config, Entries};
pub use query::{Client, Labels, LookupRequest, Query, Rdata, Rrset, RrsetInfo};

/// Numbers of RR types. Any other `u16` is a type too.
pub mod rtype {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const PTR: u16 = 12;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const SVCB: u16 = 64;
    pub const HTTPS: u16 = 65;
    pub const CAA: u16 = 257;
}

/// A status of the host (SPEC.md section 5): why a call gave nothing. A code that is not among the
/// constants is a failure of that call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub i32);

impl Status {
    pub const NODATA: Status = Status(-1);
    pub const NXDOMAIN: Status = Status(-2);
    pub const DELEGATED: Status = Status(-3);
    pub const CNAME: Status = Status(-4);
    pub const DENIED: Status = Status(-5);
    pub const UNAVAILABLE: Status = Status(-6);
    pub const INVALID: Status = Status(-7);
    pub const LIMIT: Status = Status(-8);
    pub const NO_HANDLE: Status = Status(-9);
}

/// Levels of [`log`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Debug = 0,
    Info = 1,
    Warn = 2,
    Error = 3,
}

/// Logs a line of at most 1,024 bytes, 16 lines a query; what is beyond that the host drops.
pub fn log(level: Level, line: &str) {
    // A line that is too long or too many is the host's to drop; an answer does not depend on it.
    let _ = unsafe { abi::log(level as i32, line.as_ptr(), line.len()) };
}

/// Adds `delta` to the number `name`, `[a-z0-9_]{1,64}`, which the server's metrics show.
pub fn metric_add(name: &str, delta: i64) {
    let _ = unsafe { abi::metric_add(name.as_ptr(), name.len(), delta) };
}

/// What a guest does. The value is made once, from the configuration, and every question is put to
/// it: that it is not `&mut` keeps an answer from depending on the questions before.
pub trait Guest: Sized {
    /// Takes the configuration. `None` refuses it: the host then keeps what it served before.
    fn configure(config: &Config) -> Option<Self>;

    /// Decides one answer. Until something is said it is "static": what the zone's own data say.
    fn answer(&self, query: &Query, answer: &mut Answer);
}

/// Makes the type that is named the guest of this module.
#[macro_export]
macro_rules! guest {
    ($guest:ty) => {
        static NAMELET_GUEST: $crate::Slot<$guest> = $crate::Slot::empty();

        #[no_mangle]
        pub extern "C" fn namelet_abi_1() {}

        #[no_mangle]
        pub extern "C" fn namelet_buffers() -> usize {
            $crate::buffers()
        }

        #[no_mangle]
        pub extern "C" fn namelet_init(len: usize) -> i32 {
            NAMELET_GUEST.init(len)
        }

        #[no_mangle]
        pub extern "C" fn namelet_answer(len: usize) -> i32 {
            NAMELET_GUEST.answer(len)
        }
    };
}
