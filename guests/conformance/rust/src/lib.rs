//! The conformance guest of the Rust library: for each first label it does what hostabi/conformance says
//! beside the case.

use std::fmt::Write;

use namelet::{rtype, Answer, Config, Guest, LookupRequest, Query, Record, Rrset, Status};

const HINFO: u16 = 13;

const HOST: &[u8] = b"\x04host\x0bconformance\x07example\0";
const NONE: &[u8] = b"\x04none\x0bconformance\x07example\0";
const SUB: &[u8] = b"\x03sub\x0bconformance\x07example\0";
const ALIAS: &[u8] = b"\x05alias\x0bconformance\x07example\0";
const ENT: &[u8] = b"\x03ent\x0bconformance\x07example\0";
const TARGET: &[u8] = b"\x06target\x0bconformance\x07example\0";
const T: &[u8] = b"\x01t\x0bconformance\x07example\0";
const GRANTED: &[u8] = b"\x04host\x07granted\x08internal\0";
const DENIED: &[u8] = b"\x04host\x06denied\x08internal\0";

const ONE: &[u8] = b"\x03one";

struct Conformance {
    value: String,
}

namelet::guest!(Conformance);

impl Guest for Conformance {
    fn configure(config: &Config) -> Option<Self> {
        let value = config.text("a")?.to_string();
        (config.len() == 1).then_some(Conformance { value })
    }

    fn answer(&self, q: &Query, a: &mut Answer) {
        let label = q.labels().next().unwrap_or(&[]);
        if let Some(text) = self.text(q, label) {
            match text {
                Ok(text) => say(a, &text),
                Err(status) => a.fail(status),
            }
        } else if let Err(status) = records(q, a, label) {
            a.fail(status)
        }
    }
}

impl Conformance {
    /// What is one line of text; None when the label stands for none.
    fn text(&self, q: &Query, label: &[u8]) -> Option<Result<String, Status>> {
        Some(match label {
            b"sdk-question" => Ok(question(q)),
            b"sdk-client" => client(q),
            b"sdk-time" => time(q),
            b"sdk-pick" => picks(q),
            b"sdk-where" => place(q),
            b"sdk-config" => Ok(self.value.clone()),
            b"sdk-lookup" => Ok(lookups(q)),
            b"sdk-read" => read(q),
            b"sdk-many" => many(q),
            _ => return None,
        })
    }
}

/// Gives a TXT record with one character string.
fn say(a: &mut Answer, text: &str) {
    let mut data = vec![text.len() as u8];
    data.extend_from_slice(text.as_bytes());
    a.rdata(rtype::TXT, &data)
}

fn count(name: &[u8]) -> usize {
    let (mut at, mut n) = (0, 0);
    while name[at] != 0 {
        at += 1 + name[at] as usize;
        n += 1;
    }
    n
}

fn question(q: &Query) -> String {
    format!(
        "{} {} {} {}",
        q.qtype(),
        count(q.qname()),
        count(q.zone()),
        count(q.attach())
    )
}

fn client(q: &Query) -> Result<String, Status> {
    let c = q.client(24, 56)?;
    let mut text = String::new();
    if c.v4 {
        let _ = write!(text, "{}.{}.{}.{}", c.addr[0], c.addr[1], c.addr[2], c.addr[3]);
    } else {
        for group in c.addr[..8].chunks(2) {
            let _ = write!(text, "{:x}:", u16::from_be_bytes([group[0], group[1]]));
        }
        text.push(':');
    }
    let _ = write!(text, "/{}", c.bits);
    Ok(text)
}

fn time(q: &Query) -> Result<String, Status> {
    let (hour, then, later) = (q.now(3600)?, q.before(1_700_000_000)?, q.before(1_700_000_001)?);
    Ok(format!("{} {} {}", hour, then as u8, later as u8))
}

fn picks(q: &Query) -> Result<String, Status> {
    Ok(format!("{} {} {}", q.pick(10)?, q.pick(10)?, q.pick(65_536)?))
}

fn place(q: &Query) -> Result<String, Status> {
    let mut name = [0; 255];
    let site = q.site(&mut name)?;
    Ok(format!("{} {}", q.transport()?, String::from_utf8_lossy(site)))
}

fn code(found: Result<Rrset, Status>) -> i32 {
    found.map_or_else(|status| status.0, |_| 0)
}

fn lookups(q: &Query) -> String {
    let asked = [
        (HOST, rtype::A),
        (NONE, rtype::A),
        (SUB, rtype::A),
        (ALIAS, rtype::A),
        (HOST, rtype::TXT),
        (ENT, rtype::TXT),
        (GRANTED, rtype::TXT),
        (DENIED, rtype::TXT),
    ];
    let codes: Vec<String> = asked
        .iter()
        .map(|(name, rtype)| code(q.lookup(name, *rtype)).to_string())
        .collect();
    codes.join(" ")
}

fn read(q: &Query) -> Result<String, Status> {
    let set = q.lookup(HOST, rtype::A)?;
    let info = set.info()?;
    let mut text = format!("{} {}", info.ttl, info.count);
    let mut data = vec![0; info.rdata_len as usize];
    for addr in set.read(&mut data)? {
        let _ = write!(text, " {}.{}.{}.{}", addr[0], addr[1], addr[2], addr[3]);
    }
    Ok(text)
}

fn many(q: &Query) -> Result<String, Status> {
    let mut requests = [LookupRequest::new(HOST, rtype::A), LookupRequest::new(NONE, rtype::A)];
    q.lookup_many(&mut requests)?;
    let host = requests[0].found(q);
    let records = host.and_then(|set| set.info()).map_or(0, |info| info.count);
    Ok(format!("{} {} {}", code(host), code(requests[1].found(q)), records))
}

/// What is not one line of text. A label that stands for nothing is the zone's.
fn records(q: &Query, a: &mut Answer, label: &[u8]) -> Result<(), Status> {
    match label {
        b"sdk-rrset" => a.rrset(&q.lookup(GRANTED, rtype::TXT)?),
        b"sdk-rrset-ttl" => a.rrset_as(
            &q.lookup(GRANTED, rtype::TXT)?,
            Record {
                ttl: Some(7),
                owner: None,
            },
        ),
        b"sdk-record" => record(q, a),
        b"sdk-ttl" => a.rdata_as(
            rtype::TXT,
            ONE,
            Record {
                ttl: Some(5),
                owner: None,
            },
        ),
        b"sdk-chain" => {
            a.rdata(rtype::CNAME, T);
            a.rdata_as(
                rtype::TXT,
                ONE,
                Record {
                    ttl: None,
                    owner: Some(T),
                },
            )
        }
        b"sdk-cname" => a.rdata(rtype::CNAME, TARGET),
        b"sdk-nodata" => a.nodata(),
        b"sdk-nxdomain" => a.nxdomain(),
        b"sdk-negative-ttl" => {
            a.nxdomain();
            a.negative_ttl(5)
        }
        b"sdk-refuse" => a.refuse(),
        b"sdk-fail" => {
            q.pick(0)?;
        }
        _ => a.from_zone(),
    }
    Ok(())
}

/// The one record of the question's type.
fn record(q: &Query, a: &mut Answer) {
    match q.qtype() {
        rtype::A => a.rdata(rtype::A, &[192, 0, 2, 9]),
        rtype::AAAA => a.rdata(rtype::AAAA, b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09"),
        rtype::MX => a.rdata(rtype::MX, b"\0\x0a\x02mx\x0bconformance\x07example\0"),
        rtype::TXT => a.rdata(rtype::TXT, b"\x03one\x03two"),
        rtype::NS => a.rdata(rtype::NS, b"\x02ns\x0bconformance\x07example\0"),
        rtype::SRV => a.text(rtype::SRV, "1 2 443 srv"),
        rtype::CAA => a.text(rtype::CAA, "128 issue \"ca.example\""),
        rtype::PTR => a.text(rtype::PTR, "ptr.conformance.example."),
        rtype::SVCB => a.text_as(rtype::SVCB, "1 svc alpn=h2 port=8443", Record::default()),
        rtype::HTTPS => a.text(rtype::HTTPS, "1 svc.conformance.example. alpn=h2,h3"),
        HINFO => a.text(HINFO, "wasm namelet"),
        _ => a.nodata(),
    }
}
