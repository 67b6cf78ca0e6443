//! A guest that makes addresses out of names: `ip-192-0-2-7` below its attachment point has the address
//! 192.0.2.7, and `ip-2001-db8--7` has 2001:db8::7, where they are in the networks of the configuration:
//!
//! - `net`, `net6`: the networks, as in 192.0.2.0/24; one of the two has to be there
//! - `prefix`: what such labels begin with; "ip-" without it
//! - `ttl`: in seconds; the host's without it
//!
//! Names that do not begin so are the zone's.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::{from_utf8, FromStr};

use namelet::{rtype, Answer, Config, Guest, Query, Record};

struct Synth {
    v4: Option<Network<Ipv4Addr>>,
    v6: Option<Network<Ipv6Addr>>,
    prefix: String,
    ttl: Option<u32>,
}

namelet::guest!(Synth);

impl Guest for Synth {
    fn configure(config: &Config) -> Option<Self> {
        let mut synth = Synth {
            v4: None,
            v6: None,
            prefix: "ip-".into(),
            ttl: None,
        };
        for (key, value) in config.iter() {
            let value = from_utf8(value).ok()?;
            match key {
                b"net" => synth.v4 = Some(Network::parse(value)?),
                b"net6" => synth.v6 = Some(Network::parse(value)?),
                b"prefix" => synth.prefix = value.to_ascii_lowercase(),
                b"ttl" => synth.ttl = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        let networks = synth.v4.is_some() || synth.v6.is_some();
        (networks && !synth.prefix.is_empty()).then_some(synth)
    }

    fn answer(&self, q: &Query, a: &mut Answer) {
        let mut labels = q.labels();
        let label = match (labels.next(), labels.next()) {
            (Some(label), None) => label,
            _ => return a.from_zone(), // the point itself, or more than one label below it
        };
        let text = match label.strip_prefix(self.prefix.as_bytes()).map(from_utf8) {
            Some(Ok(text)) => text,
            _ => return a.from_zone(),
        };
        let record = Record {
            ttl: self.ttl,
            owner: None,
        };
        if let Some(addr) = inside(&self.v4, text, ".") {
            give(a, q, rtype::A, &addr.octets(), record)
        } else if let Some(addr) = inside(&self.v6, text, ":") {
            give(a, q, rtype::AAAA, &addr.octets(), record)
        } else {
            a.nxdomain()
        }
    }
}

fn give(a: &mut Answer, q: &Query, rtype: u16, octets: &[u8], record: Record) {
    if q.qtype() == rtype {
        a.rdata_as(rtype, octets, record)
    } else {
        a.nodata()
    }
}

/// The address that a label's text says, where it is in the network.
fn inside<A: Address>(network: &Option<Network<A>>, text: &str, separator: &str) -> Option<A> {
    let network = network.as_ref()?;
    let addr = text.replace('-', separator).parse().ok()?;
    network.contains(addr).then_some(addr)
}

/// An address of either family, as a number whose first bits are the network's.
trait Address: FromStr + Copy {
    const BITS: u32;
    fn number(self) -> u128;
}

impl Address for Ipv4Addr {
    const BITS: u32 = 32;
    fn number(self) -> u128 {
        u32::from(self).into()
    }
}

impl Address for Ipv6Addr {
    const BITS: u32 = 128;
    fn number(self) -> u128 {
        self.into()
    }
}

struct Network<A> {
    addr: A,
    bits: u32,
}

impl<A: Address> Network<A> {
    fn parse(text: &str) -> Option<Self> {
        let (addr, bits) = text.split_once('/')?;
        let network = Network {
            addr: addr.parse().ok()?,
            bits: bits.parse().ok()?,
        };
        (network.bits <= A::BITS).then_some(network)
    }

    fn contains(&self, addr: A) -> bool {
        // All bits are the host's where the network is everything, and a shift by 128 is none.
        let differing = self.addr.number() ^ addr.number();
        differing.checked_shr(A::BITS - self.bits).unwrap_or(0) == 0
    }
}
