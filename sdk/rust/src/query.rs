use core::marker::PhantomData;

use crate::abi::{self, checked, get16, get32};
use crate::Status;

/// A question, and what may be asked of the host while it is answered. What is asked, and how finely,
/// is what the answer depends on: who asks for less is answered from memory more often.
pub struct Query<'a> {
    qname: &'a [u8],
    qtype: u16,
    zone: usize,
    attach: usize,
}

impl<'a> Query<'a> {
    /// Reads a question (SPEC.md section 4.1); `None` where it is not of that form.
    pub(crate) fn read(question: &'a [u8]) -> Option<Self> {
        if question.len() < 16 {
            return None;
        }
        let at = get32(question, 0) as usize;
        let end = at.checked_add(get16(question, 6) as usize)?;
        let query = Query {
            qname: question.get(at..end)?,
            qtype: get16(question, 4),
            zone: get16(question, 8) as usize,
            attach: get16(question, 10) as usize,
        };
        (query.zone < query.qname.len() && query.attach < query.qname.len()).then_some(query)
    }

    /// The name that is asked for.
    pub fn qname(&self) -> &'a [u8] {
        self.qname
    }

    pub fn qtype(&self) -> u16 {
        self.qtype
    }

    /// The zone's apex.
    pub fn zone(&self) -> &'a [u8] {
        &self.qname[self.zone..]
    }

    /// The point that the guest is attached at.
    pub fn attach(&self) -> &'a [u8] {
        &self.qname[self.attach..]
    }

    /// The labels of the qname below the attachment point, from the left.
    pub fn labels(&self) -> Labels<'a> {
        Labels {
            rest: &self.qname[..self.attach],
        }
    }

    /// Finds the RRset of a name in wire form, in the zone or one that was granted.
    pub fn lookup(&self, name: &[u8], rtype: u16) -> Result<Rrset<'a>, Status> {
        let handle = checked(unsafe { abi::lookup(name.as_ptr(), name.len(), rtype as u32, 0) })?;
        Ok(Rrset {
            handle,
            rtype,
            query: PhantomData,
        })
    }

    /// Does several lookups in one step. The result of each is in its request, where the step itself did not fail.
    pub fn lookup_many(&self, requests: &mut [LookupRequest<'_>]) -> Result<(), Status> {
        checked(unsafe { abi::lookup_many(requests.as_mut_ptr().cast(), requests.len()) }).map(|_| ())
    }

    /// The client's network: its address to that many bits.
    pub fn client(&self, v4_bits: u8, v6_bits: u8) -> Result<Client, Status> {
        let mut raw = [0u8; 24];
        raw[0] = raw.len() as u8;
        let bits = checked(unsafe { abi::client(v4_bits as i32, v6_bits as i32, raw.as_mut_ptr()) })?;
        let mut addr = [0u8; 16];
        addr.copy_from_slice(&raw[8..]);
        Ok(Client {
            v4: get32(&raw, 4) == 4,
            addr,
            bits: bits as u8,
        })
    }

    /// The Unix time, rounded down to a multiple of `grain` seconds.
    pub fn now(&self, grain: i32) -> Result<i64, Status> {
        let time = unsafe { abi::now(grain) };
        if time < 0 {
            return Err(Status(time as i32));
        }
        Ok(time)
    }

    /// Whether it is before a Unix time in seconds.
    pub fn before(&self, unix_seconds: i64) -> Result<bool, Status> {
        checked(unsafe { abi::before(unix_seconds) }).map(|is| is == 1)
    }

    /// A draw from 0 to `n` - 1, `n` at most 65,536.
    pub fn pick(&self, n: u32) -> Result<u32, Status> {
        checked(unsafe { abi::pick(n as i32) }).map(|draw| draw as u32)
    }

    /// 1 for UDP, 2 for TCP, 3 for TLS, 4 for HTTPS.
    pub fn transport(&self) -> Result<u8, Status> {
        checked(unsafe { abi::transport() }).map(|kind| kind as u8)
    }

    /// The name of the place where the host runs, in `buf`, which 255 bytes always suffice for.
    pub fn site<'b>(&self, buf: &'b mut [u8]) -> Result<&'b [u8], Status> {
        filled(buf, |p, cap| unsafe { abi::site(p, cap) })
    }
}

/// Gives what the host wrote to a buffer; `LIMIT` where that was too small.
fn filled(buf: &mut [u8], fill: impl FnOnce(*mut u8, usize) -> i32) -> Result<&[u8], Status> {
    let n = checked(fill(buf.as_mut_ptr(), buf.len()))? as usize;
    buf.get(..n).ok_or(Status::LIMIT)
}

/// Goes over the labels of a name.
pub struct Labels<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = *self.rest.first()? as usize;
        if len == 0 {
            return None;
        }
        let label = self.rest.get(1..1 + len)?;
        self.rest = &self.rest[1 + len..];
        Some(label)
    }
}

/// An RRset that was looked up. It is good until the query ends.
#[derive(Clone, Copy)]
pub struct Rrset<'q> {
    handle: i32,
    rtype: u16,
    query: PhantomData<&'q ()>,
}

impl Rrset<'_> {
    pub(crate) fn handle(&self) -> i32 {
        self.handle
    }

    pub fn rtype(&self) -> u16 {
        self.rtype
    }

    pub fn info(&self) -> Result<RrsetInfo, Status> {
        let mut raw = [0u8; 24];
        filled(&mut raw, |p, cap| unsafe { abi::rrset_info(self.handle, p, cap) })?;
        Ok(RrsetInfo {
            wildcard: get16(&raw, 6) & 1 != 0,
            ttl: get32(&raw, 8),
            count: get32(&raw, 12),
            rdata_len: get32(&raw, 16),
        })
    }

    /// The rdata of the records, in `buf`, which is to have the `rdata_len` of [`Rrset::info`].
    pub fn read<'b>(&self, buf: &'b mut [u8]) -> Result<Rdata<'b>, Status> {
        Ok(Rdata {
            rest: filled(buf, |p, cap| unsafe { abi::rrset_read(self.handle, p, cap) })?,
        })
    }
}

/// What an RRset is.
#[derive(Clone, Copy, Debug)]
pub struct RrsetInfo {
    /// It was synthesised from a wildcard.
    pub wildcard: bool,
    /// In seconds.
    pub ttl: u32,
    /// Records.
    pub count: u32,
    /// Bytes that [`Rrset::read`] needs.
    pub rdata_len: u32,
}

/// Goes over the rdata of an RRset, each in uncompressed wire form.
pub struct Rdata<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for Rdata<'b> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        if self.rest.len() < 2 {
            return None;
        }
        let end = 2 + get16(self.rest, 0) as usize;
        let data = self.rest.get(2..end)?;
        self.rest = &self.rest[end..];
        Some(data)
    }
}

/// A client's network.
#[derive(Clone, Copy, Debug)]
pub struct Client {
    pub v4: bool,
    /// An IPv4 address is in the first four bytes. Bits beyond `bits` are zero.
    pub addr: [u8; 16],
    /// Length of the prefix, which may be shorter than asked for.
    pub bits: u8,
}

/// One of the lookups of [`Query::lookup_many`], in the form of SPEC.md section 4.3.
#[repr(C)]
pub struct LookupRequest<'n> {
    size: u32,
    name: *const u8,
    name_len: usize,
    rtype: u32,
    flags: u32,
    result: i32,
    borrowed: PhantomData<&'n [u8]>,
}

impl<'n> LookupRequest<'n> {
    /// Asks for an RRset of a name in wire form.
    pub fn new(name: &'n [u8], rtype: u16) -> Self {
        LookupRequest {
            size: core::mem::size_of::<Self>() as u32,
            name: name.as_ptr(),
            name_len: name.len(),
            rtype: rtype as u32,
            flags: 0,
            result: Status::UNAVAILABLE.0,
            borrowed: PhantomData,
        }
    }

    /// What was found, for the query whose lookups these were.
    pub fn found<'q>(&self, _: &Query<'q>) -> Result<Rrset<'q>, Status> {
        Ok(Rrset {
            handle: checked(self.result)?,
            rtype: self.rtype as u16,
            query: PhantomData,
        })
    }
}
