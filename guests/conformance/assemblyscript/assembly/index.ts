/**
 * The conformance guest of the AssemblyScript library: for each first label it does what hostabi/conformance
 * says beside the case.
 */

import { Answer, Config, configure, handle, HOST_TTL, Lookup, Name, Query, Type } from "namelet";
export * from "namelet/exports";

const HINFO: u16 = 13;

const host = named("host.conformance.example");
const none = named("none.conformance.example");
const target = named("target.conformance.example");
const t = named("t.conformance.example");
const granted = named("host.granted.internal");

function named(text: string): Name {
  return Name.parse(text)!;
}

let value = "";

configure((c: Config): bool => {
  const a = c.get("a");
  if (!a || c.size != 1) return false;
  value = a;
  return true;
});

handle((q: Query, a: Answer): void => {
  if (textual(q, a)) return;
  if (q.qname.firstIs("sdk-record")) record(q, a);
  else answers(q, a);
});

/** Answers what is one line of text; false when the label stands for none. */
function textual(q: Query, a: Answer): bool {
  const name = q.qname;
  if (name.firstIs("sdk-question")) say(a, question(q));
  else if (name.firstIs("sdk-client")) say(a, client(q));
  else if (name.firstIs("sdk-time")) say(a, `${q.now(3600)} ${q.before(1700000000)} ${q.before(1700000001)}`);
  else if (name.firstIs("sdk-pick")) say(a, `${q.pick(10)} ${q.pick(10)} ${q.pick(65536)}`);
  else if (name.firstIs("sdk-where")) say(a, `${q.transport()} ${q.site()}`);
  else if (name.firstIs("sdk-config")) say(a, value);
  else if (name.firstIs("sdk-lookup")) say(a, lookups(q));
  else if (name.firstIs("sdk-read")) say(a, read(q));
  else if (name.firstIs("sdk-many")) say(a, many(q));
  else return false;
  return true;
}

/** Gives a TXT record with one or more character strings. */
function strings(a: Answer, texts: string[], ttl: i64 = HOST_TTL, owner: Name | null = null): void {
  const data = new Array<u8>();
  for (let i = 0; i < texts.length; i++) {
    const bytes = Uint8Array.wrap(String.UTF8.encode(texts[i]));
    data.push(<u8>bytes.length);
    for (let j = 0; j < bytes.length; j++) data.push(bytes[j]);
  }
  a.rdata(Type.TXT, octets(data), ttl, owner);
}

function say(a: Answer, text: string): void {
  strings(a, [text]);
}

function octets(source: u8[]): Uint8Array {
  const bytes = new Uint8Array(source.length);
  for (let i = 0; i < source.length; i++) bytes[i] = source[i];
  return bytes;
}

function question(q: Query): string {
  return `${q.type} ${q.qname.labels()} ${q.zone.labels()} ${q.attach.labels()}`;
}

function client(q: Query): string {
  const c = q.client(24, 56);
  if (c.v4) return `${c.byte(0)}.${c.byte(1)}.${c.byte(2)}.${c.byte(3)}/${c.bits}`;
  let text = "";
  for (let i = 0; i < 8; i += 2) text += ((<u32>c.byte(i) << 8) | c.byte(i + 1)).toString(16) + ":";
  return `${text}:/${c.bits}`;
}

function code(q: Query, name: string, type: u16): i32 {
  const found = q.lookup(named(name), type);
  return found < 0 ? found : 0;
}

function lookups(q: Query): string {
  const zone = ".conformance.example";
  const codes: i32[] = [
    code(q, "host" + zone, Type.A), code(q, "none" + zone, Type.A), code(q, "sub" + zone, Type.A),
    code(q, "alias" + zone, Type.A), code(q, "host" + zone, Type.TXT), code(q, "ent" + zone, Type.TXT),
    code(q, "host.granted.internal", Type.TXT), code(q, "host.denied.internal", Type.TXT),
  ];
  return codes.join(" ");
}

function read(q: Query): string {
  const handle = q.lookup(host, Type.A);
  const info = q.info(handle), all = q.rdata(handle);
  if (!info || !all) return "";
  let text = `${info.ttl} ${info.count}`;
  for (let i = 0; i < all.length; i++) text += ` ${all[i].join(".")}`;
  return text;
}

function many(q: Query): string {
  const lookups = [new Lookup(host, Type.A), new Lookup(none, Type.A)];
  const status = q.lookupMany(lookups);
  if (status < 0) return `${status}`;
  const info = q.info(lookups[0].result);
  const first = lookups[0].result < 0 ? lookups[0].result : 0;
  return `${first} ${lookups[1].result} ${info ? info.count : 0}`;
}

/** Answers what is not text. A label that stands for nothing is the zone's. */
function answers(q: Query, a: Answer): void {
  const name = q.qname;
  if (name.firstIs("sdk-rrset")) a.rrset(Type.TXT, q.lookup(granted, Type.TXT));
  else if (name.firstIs("sdk-rrset-ttl")) a.rrset(Type.TXT, q.lookup(granted, Type.TXT), 7);
  else if (name.firstIs("sdk-ttl")) strings(a, ["one"], 5);
  else if (name.firstIs("sdk-chain")) {
    a.name(Type.CNAME, t);
    strings(a, ["one"], HOST_TTL, t);
  } else if (name.firstIs("sdk-cname")) a.name(Type.CNAME, target);
  else if (name.firstIs("sdk-nodata")) a.nodata();
  else if (name.firstIs("sdk-nxdomain")) a.nxdomain();
  else if (name.firstIs("sdk-negative-ttl")) {
    a.nxdomain();
    a.negativeTTL(5);
  } else if (name.firstIs("sdk-refuse")) a.refuse();
  else if (name.firstIs("sdk-fail")) a.fail(q.pick(0));
  else a.fromZone();
}

/** Gives the one record of the question's type. */
function record(q: Query, a: Answer): void {
  switch (q.type) {
    case Type.A: return a.rdata(q.type, octets([192, 0, 2, 9]));
    case Type.AAAA: return a.rdata(q.type, octets([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]));
    case Type.MX: return a.text(q.type, "10 mx.conformance.example.");
    case Type.TXT: return strings(a, ["one", "two"]);
    case Type.NS: return a.name(q.type, named("ns.conformance.example"));
    case Type.SRV: return a.text(q.type, "1 2 443 srv");
    case Type.CAA: return a.text(q.type, '128 issue "ca.example"');
    case Type.PTR: return a.text(q.type, "ptr.conformance.example.");
    case Type.SVCB: return a.text(q.type, "1 svc alpn=h2 port=8443");
    case Type.HTTPS: return a.text(q.type, "1 svc.conformance.example. alpn=h2,h3");
    case HINFO: return a.text(q.type, "wasm namelet");
    default: a.nodata();
  }
}
