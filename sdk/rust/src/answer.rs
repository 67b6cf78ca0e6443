use crate::abi::BUFFER;
use crate::{Rrset, Status};

const HEAD: usize = 16; // bytes before the first record, and of each record before its owner

const SAY_ANSWER: u8 = 1;
const SAY_NODATA: u8 = 2;
const SAY_NXDOMAIN: u8 = 3;
const SAY_REFUSE: u8 = 4;
const SAY_STATIC: u8 = 5;

const KIND_RDATA: u8 = 0;
const KIND_TEXT: u8 = 1;
const KIND_HANDLE: u8 = 2;

const MAX_RECORDS: u16 = 256;

/// The answer under way. Until something is said it is "static". A disposition other than an answer
/// wins over records, those before it and those after, and the last one named counts.
pub struct Answer<'a> {
    out: &'a mut [u8; BUFFER],
    len: usize,
    count: u16,
    disposition: u8,
    failed: Option<Status>,
    negative_ttl: u32,
}

/// What a record may have beside type and data.
#[derive(Clone, Copy, Default)]
pub struct Record<'a> {
    /// In seconds; `None` leaves it to the host: 60, or an RRset's own.
    pub ttl: Option<u32>,
    /// A name in wire form; `None` is the qname.
    pub owner: Option<&'a [u8]>,
}

impl<'a> Answer<'a> {
    pub(crate) fn new(out: &'a mut [u8; BUFFER]) -> Self {
        Answer {
            out,
            len: HEAD,
            count: 0,
            disposition: 0,
            failed: None,
            negative_ttl: 0,
        }
    }

    /// The name exists, without data of this type.
    pub fn nodata(&mut self) {
        self.say(SAY_NODATA)
    }

    /// The name does not exist.
    pub fn nxdomain(&mut self) {
        self.say(SAY_NXDOMAIN)
    }

    /// RCODE REFUSED.
    pub fn refuse(&mut self) {
        self.say(SAY_REFUSE)
    }

    /// What the zone's own data say, as if there were no guest.
    pub fn from_zone(&mut self) {
        self.say(SAY_STATIC)
    }

    fn say(&mut self, disposition: u8) {
        self.disposition = disposition;
        self.len = HEAD;
        self.count = 0;
    }

    /// Bounds, in seconds, how long a NODATA or NXDOMAIN answer may be remembered.
    pub fn negative_ttl(&mut self, seconds: u32) {
        self.negative_ttl = seconds;
    }

    /// Gives up: the host then answers from the attachment's fallback.
    pub fn fail(&mut self, status: Status) {
        self.failed = Some(status);
    }

    /// A record of the qname, in wire form.
    pub fn rdata(&mut self, rtype: u16, data: &[u8]) {
        self.rdata_as(rtype, data, Record::default())
    }

    /// A record in wire form.
    pub fn rdata_as(&mut self, rtype: u16, data: &[u8], record: Record) {
        self.record(rtype, KIND_RDATA, data, record)
    }

    /// A record of the qname, in presentation form: `a.text(rtype::MX, "10 mx.example.")`.
    pub fn text(&mut self, rtype: u16, text: &str) {
        self.text_as(rtype, text, Record::default())
    }

    /// A record in presentation form.
    pub fn text_as(&mut self, rtype: u16, text: &str, record: Record) {
        self.record(rtype, KIND_TEXT, text.as_bytes(), record)
    }

    /// A whole RRset that was looked up, at the qname.
    pub fn rrset(&mut self, set: &Rrset) {
        self.rrset_as(set, Record::default())
    }

    /// A whole RRset that was looked up.
    pub fn rrset_as(&mut self, set: &Rrset, record: Record) {
        self.record(set.rtype(), KIND_HANDLE, &set.handle().to_le_bytes(), record)
    }

    fn record(&mut self, rtype: u16, kind: u8, data: &[u8], record: Record) {
        if self.disposition > SAY_ANSWER {
            return;
        }
        let owner = record.owner.unwrap_or(&[]);
        let size = HEAD + owner.len() + data.len();
        if self.count >= MAX_RECORDS || size > BUFFER - self.len {
            return self.fail(Status::LIMIT);
        }
        self.disposition = SAY_ANSWER;
        self.count += 1;
        self.put(&(HEAD as u32).to_le_bytes());
        self.put(&rtype.to_le_bytes());
        self.put(&[kind, record.ttl.is_some() as u8]);
        self.put(&record.ttl.unwrap_or(0).to_le_bytes());
        self.put(&(owner.len() as u16).to_le_bytes());
        self.put(&(data.len() as u16).to_le_bytes());
        self.put(owner);
        self.put(data);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Writes what stands before the records, and gives what `namelet_answer` returns.
    pub(crate) fn finish(mut self) -> i32 {
        if let Some(status) = self.failed {
            return status.0;
        }
        let len = self.len;
        self.len = 0;
        self.put(&(HEAD as u32).to_le_bytes());
        self.put(&[
            if self.disposition == 0 {
                SAY_STATIC
            } else {
                self.disposition
            },
            0,
        ]);
        let count = self.count;
        self.put(&count.to_le_bytes());
        let negative_ttl = self.negative_ttl;
        self.put(&negative_ttl.to_le_bytes());
        self.put(&[0; 4]);
        len as i32
    }
}
