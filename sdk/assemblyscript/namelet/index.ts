/**
 * Write a guest of Namelet in AssemblyScript. Its assembly/index.ts:
 *
 *     import { handle, Query, Answer, Type } from "namelet";
 *     export * from "namelet/exports";
 *
 *     handle((q: Query, a: Answer): void => {
 *       a.text(Type.A, "192.0.2.1");
 *     });
 *
 * `responder guest build FOLDER` builds it. Questions, answers and lookups allocate nothing; what a guest
 * allocates itself is collected between queries (namelet_idle).
 *
 * The ABI is hostabi/SPEC.md. Names are in uncompressed wire form, lower case from the host.
 */

// @ts-ignore: decorator
@external("namelet_v1", "lookup")
declare function hostLookup(name: usize, len: i32, type: u32, flags: u32): i32;
// @ts-ignore: decorator
@external("namelet_v1", "lookup_many")
declare function hostLookupMany(requests: usize, count: i32): i32;
// @ts-ignore: decorator
@external("namelet_v1", "rrset_info")
declare function hostRRsetInfo(handle: i32, buf: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("namelet_v1", "rrset_read")
declare function hostRRsetRead(handle: i32, buf: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("namelet_v1", "client")
declare function hostClient(v4Bits: i32, v6Bits: i32, buf: usize): i32;
// @ts-ignore: decorator
@external("namelet_v1", "now")
declare function hostNow(grain: i32): i64;
// @ts-ignore: decorator
@external("namelet_v1", "before")
declare function hostBefore(unixSeconds: i64): i32;
// @ts-ignore: decorator
@external("namelet_v1", "pick")
declare function hostPick(n: i32): i32;
// @ts-ignore: decorator
@external("namelet_v1", "transport")
declare function hostTransport(): i32;
// @ts-ignore: decorator
@external("namelet_v1", "site")
declare function hostSite(buf: usize, cap: i32): i32;
// @ts-ignore: decorator
@external("namelet_v1", "log")
declare function hostLog(level: i32, line: usize, len: i32): i32;
// @ts-ignore: decorator
@external("namelet_v1", "metric_add")
declare function hostMetricAdd(name: usize, len: i32, delta: i64): i32;

/** Numbers of RR types. Any other number is a type too. */
export namespace Type {
  export const A: u16 = 1;
  export const NS: u16 = 2;
  export const CNAME: u16 = 5;
  export const PTR: u16 = 12;
  export const MX: u16 = 15;
  export const TXT: u16 = 16;
  export const AAAA: u16 = 28;
  export const SRV: u16 = 33;
  export const SVCB: u16 = 64;
  export const HTTPS: u16 = 65;
  export const CAA: u16 = 257;
}

/** Statuses of the host (SPEC.md section 5): a negative result of a call is one of them, or another failure. */
export namespace Status {
  export const NODATA: i32 = -1;
  export const NXDOMAIN: i32 = -2;
  export const DELEGATED: i32 = -3;
  export const CNAME: i32 = -4;
  export const DENIED: i32 = -5;
  export const UNAVAILABLE: i32 = -6;
  export const INVALID: i32 = -7;
  export const LIMIT: i32 = -8;
  export const NO_HANDLE: i32 = -9;
}

/** Levels of log. */
export namespace Level {
  export const DEBUG: i32 = 0;
  export const INFO: i32 = 1;
  export const WARN: i32 = 2;
  export const ERROR: i32 = 3;
}

/** Logs a line of at most 1,024 bytes, 16 lines a query; what is beyond that the host drops. */
export function log(level: i32, line: string): void {
  const text = String.UTF8.encode(line);
  hostLog(level, changetype<usize>(text), text.byteLength);
}

/** Adds delta to the number called name, [a-z0-9_]{1,64}, which the server's metrics show. */
export function metricAdd(name: string, delta: i64): void {
  const text = String.UTF8.encode(name);
  hostMetricAdd(changetype<usize>(text), text.byteLength, delta);
}

/** A name in wire form. That of a question is good until the query ends. */
export class Name {
  private held: ArrayBuffer | null = null;

  constructor(
    /** Where it lies. */
    public ptr: usize,
    /** Its bytes, the root's zero byte among them. */
    public length: i32,
  ) {}

  /**
   * Reads a name such as "www.example" or "www.example."; null for what is none. There are no escapes: a name
   * with a dot in a label cannot be written so.
   */
  static parse(text: string): Name | null {
    const trimmed = text.endsWith(".") ? text.substring(0, text.length - 1) : text;
    const source = String.UTF8.encode(trimmed);
    const length = source.byteLength;
    if (length > 253) return null;
    const wire = new ArrayBuffer(length == 0 ? 1 : length + 2);
    const name = new Name(changetype<usize>(wire), wire.byteLength);
    name.held = wire;
    if (length == 0) return name;
    memory.copy(name.ptr + 1, changetype<usize>(source), length);
    let count = 0;
    for (let at = 0; at <= length; at++) {
      if (at < length && load<u8>(name.ptr + at + 1) != 46) { // a dot
        count++;
        continue;
      }
      if (count == 0 || count > 63) return null;
      store<u8>(name.ptr + at - count, <u8>count);
      count = 0;
    }
    return name;
  }

  /** Whether the first label is this text, which has to be ASCII in lower case. */
  firstIs(text: string): bool {
    const length = <i32>load<u8>(this.ptr);
    if (length != text.length) return false;
    for (let i = 0; i < length; i++) {
      if (<i32>load<u8>(this.ptr + 1 + i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** The first label as text. */
  first(): string {
    return String.UTF8.decodeUnsafe(this.ptr + 1, load<u8>(this.ptr));
  }

  /** How many labels it has, without the root's. */
  labels(): i32 {
    let n = 0;
    for (let at = this.ptr; load<u8>(at) != 0; at += 1 + <usize>load<u8>(at)) n++;
    return n;
  }
}

/** The capacity of each of the two buffers. */
const BUFFER: i32 = 8192;

const input: usize = memory.data(8192, 16);
const output: usize = memory.data(8192, 16);
const table: usize = memory.data(16, 16);
const clientAt: usize = memory.data(24, 8);
const infoAt: usize = memory.data(24, 8);
const handleAt: usize = memory.data(4, 4);
const siteAt: usize = memory.data(255);

/** A client's network. */
export class Client {
  v4: bool = false;
  /** Length of the prefix, which may be shorter than asked for; or a status. */
  bits: i32 = 0;

  /** A byte of the address, 0 to 3 or 0 to 15. Bits beyond the prefix are zero. */
  byte(i: i32): u8 {
    return load<u8>(clientAt + 8 + i);
  }
}

/** What an RRset is: the result of RRset.info, good until the next. */
export class RRsetInfo {
  /** It was synthesised from a wildcard. */
  wildcard: bool = false;
  /** In seconds. */
  ttl: u32 = 0;
  /** Records. */
  count: u32 = 0;
  /** Bytes that read gives. */
  rdataLength: u32 = 0;
}

const client = new Client();
const info = new RRsetInfo();

/** A lookup of a query: several are done in one step by Query.lookupMany. */
export class Lookup {
  /** A handle, 0 or more, good until the query ends; or a status. */
  result: i32 = Status.UNAVAILABLE;

  constructor(
    public name: Name,
    public type: u16,
  ) {}
}

/**
 * A question, and what may be asked of the host while it is answered. What is asked, and how finely, is what the
 * answer depends on: who asks for less is answered from memory more often. Results below 0 are statuses.
 */
export class Query {
  type: u16 = 0;
  qname: Name = new Name(0, 0);
  /** The zone's apex. */
  zone: Name = new Name(0, 0);
  /** The point that the guest is attached at. */
  attach: Name = new Name(0, 0);

  /** Reads the question in the input buffer. */
  read(): void {
    const name = this.qname, zone = this.zone, attach = this.attach;
    this.type = load<u16>(input, 4);
    name.ptr = input + <usize>load<u32>(input);
    name.length = load<u16>(input, 6);
    zone.ptr = name.ptr + <usize>load<u16>(input, 8);
    zone.length = name.length - load<u16>(input, 8);
    attach.ptr = name.ptr + <usize>load<u16>(input, 10);
    attach.length = name.length - load<u16>(input, 10);
  }

  /** Finds the RRset of a name, in the zone or one that was granted: a handle, good until the query ends. */
  lookup(name: Name, type: u16): i32 {
    return hostLookup(name.ptr, name.length, type, 0);
  }

  /** Does several lookups in one step, and leaves each result in its lookup. 0, or a status of all. */
  lookupMany(lookups: Lookup[]): i32 {
    const count = lookups.length;
    const requests = new ArrayBuffer(count * 24);
    let at = changetype<usize>(requests);
    for (let i = 0; i < count; i++, at += 24) {
      store<u32>(at, 24);
      store<u32>(at, <u32>lookups[i].name.ptr, 4);
      store<u32>(at, <u32>lookups[i].name.length, 8);
      store<u32>(at, lookups[i].type, 12);
    }
    const status = hostLookupMany(changetype<usize>(requests), count);
    if (status < 0) return status;
    at = changetype<usize>(requests);
    for (let i = 0; i < count; i++, at += 24) lookups[i].result = load<i32>(at, 20);
    return status;
  }

  /** What the RRset of a handle is; null where there is no such handle. */
  info(handle: i32): RRsetInfo | null {
    if (hostRRsetInfo(handle, infoAt, 24) < 0) return null;
    info.wildcard = (load<u16>(infoAt, 6) & 1) != 0;
    info.ttl = load<u32>(infoAt, 8);
    info.count = load<u32>(infoAt, 12);
    info.rdataLength = load<u32>(infoAt, 16);
    return info;
  }

  /** The rdata of each record of a handle, in uncompressed wire form; null where there is no such handle. */
  rdata(handle: i32): Uint8Array[] | null {
    const length = hostRRsetRead(handle, 0, 0);
    if (length < 0) return null;
    const bytes = new Uint8Array(length);
    if (hostRRsetRead(handle, bytes.dataStart, length) != length) return null;
    const all: Uint8Array[] = [];
    for (let at = 0; at + 2 <= length; ) {
      const end = at + 2 + <i32>load<u16>(bytes.dataStart + at);
      all.push(bytes.subarray(at + 2, end));
      at = end;
    }
    return all;
  }

  /** The client's network: its address to that many bits. Good until the next call. */
  client(v4Bits: i32, v6Bits: i32): Client {
    store<u32>(clientAt, 24);
    client.bits = hostClient(v4Bits, v6Bits, clientAt);
    client.v4 = load<u32>(clientAt, 4) == 4;
    return client;
  }

  /** The Unix time, rounded down to a multiple of grain seconds. */
  now(grain: i32): i64 {
    return hostNow(grain);
  }

  /** 1 before a Unix time in seconds, else 0. */
  before(unixSeconds: i64): i32 {
    return hostBefore(unixSeconds);
  }

  /** A draw from 0 to n-1, n at most 65,536. */
  pick(n: i32): i32 {
    return hostPick(n);
  }

  /** 1 for UDP, 2 for TCP, 3 for TLS, 4 for HTTPS. */
  transport(): i32 {
    return hostTransport();
  }

  /** The name of the place where the host runs. */
  site(): string {
    const length = hostSite(siteAt, 255);
    return length <= 0 ? "" : String.UTF8.decodeUnsafe(siteAt, length);
  }
}

const HEAD: i32 = 16; // bytes before the first record, and of each record before its owner

const SAY_ANSWER: u8 = 1;
const SAY_NODATA: u8 = 2;
const SAY_NXDOMAIN: u8 = 3;
const SAY_REFUSE: u8 = 4;
const SAY_STATIC: u8 = 5;

const KIND_RDATA: u8 = 0;
const KIND_TEXT: u8 = 1;
const KIND_HANDLE: u8 = 2;

const MAX_RECORDS: u16 = 256;

/** Leaves the TTL to the host: 60 seconds, or an RRset's own. */
export const HOST_TTL: i64 = -1;

/** The answer under way. Until something is said it is "static". */
export class Answer {
  private length: i32 = HEAD;
  private count: u16 = 0;
  private disposition: u8 = 0;
  private failed: i32 = 0;
  private negative: u32 = 0;

  /** The name exists, without data of this type. */
  nodata(): void {
    this.say(SAY_NODATA);
  }

  /** The name does not exist. */
  nxdomain(): void {
    this.say(SAY_NXDOMAIN);
  }

  /** RCODE REFUSED. */
  refuse(): void {
    this.say(SAY_REFUSE);
  }

  /** What the zone's own data say, as if there were no guest. */
  fromZone(): void {
    this.say(SAY_STATIC);
  }

  private say(disposition: u8): void {
    this.disposition = disposition;
    this.length = HEAD;
    this.count = 0;
  }

  /** Bounds, in seconds, how long a NODATA or NXDOMAIN answer may be remembered. */
  negativeTTL(seconds: u32): void {
    this.negative = seconds;
  }

  /** Gives up, with a negative number: the host then answers from the attachment's fallback. */
  fail(status: i32): void {
    this.failed = status < 0 ? status : Status.INVALID;
  }

  /** A record in wire form; of the qname without an owner. */
  rdata(type: u16, data: Uint8Array, ttl: i64 = HOST_TTL, owner: Name | null = null): void {
    this.record(type, KIND_RDATA, data.dataStart, data.length, ttl, owner);
  }

  /** A record in presentation form: a.text(Type.MX, "10 mx.example."). */
  text(type: u16, text: string, ttl: i64 = HOST_TTL, owner: Name | null = null): void {
    const bytes = String.UTF8.encode(text);
    this.record(type, KIND_TEXT, changetype<usize>(bytes), bytes.byteLength, ttl, owner);
  }

  /** A record whose rdata are a name: CNAME, NS, PTR. */
  name(type: u16, name: Name, ttl: i64 = HOST_TTL, owner: Name | null = null): void {
    this.record(type, KIND_RDATA, name.ptr, name.length, ttl, owner);
  }

  /** A whole RRset by its handle; type is the one it was looked up by. */
  rrset(type: u16, handle: i32, ttl: i64 = HOST_TTL, owner: Name | null = null): void {
    store<i32>(handleAt, handle);
    this.record(type, KIND_HANDLE, handleAt, 4, ttl, owner);
  }

  private record(type: u16, kind: u8, data: usize, length: i32, ttl: i64, owner: Name | null): void {
    if (this.disposition > SAY_ANSWER) return;
    const ownerLength = owner ? owner.length : 0;
    if (this.count >= MAX_RECORDS || HEAD + ownerLength + length > BUFFER - this.length) {
      this.failed = Status.LIMIT;
      return;
    }
    const at = output + this.length;
    store<u32>(at, HEAD);
    store<u16>(at, type, 4);
    store<u8>(at, kind, 6);
    store<u8>(at, ttl >= 0 ? 1 : 0, 7);
    store<u32>(at, ttl >= 0 ? <u32>ttl : 0, 8);
    store<u16>(at, <u16>ownerLength, 12);
    store<u16>(at, <u16>length, 14);
    if (owner) memory.copy(at + HEAD, owner.ptr, ownerLength);
    memory.copy(at + HEAD + ownerLength, data, length);
    this.length += HEAD + ownerLength + length;
    this.count++;
    this.disposition = SAY_ANSWER;
  }

  /** Forgets what was said, before a query. */
  begin(): void {
    this.say(0);
    this.failed = 0;
    this.negative = 0;
  }

  /** Writes what stands before the records, and gives what namelet_answer returns. */
  finish(): i32 {
    if (this.failed < 0) return this.failed;
    store<u32>(output, HEAD);
    store<u8>(output, this.disposition == 0 ? SAY_STATIC : this.disposition, 4);
    store<u8>(output, 0, 5);
    store<u16>(output, this.count, 6);
    store<u32>(output, this.negative, 8);
    store<u32>(output, 0, 12);
    return this.length;
  }
}

/** The configuration, while it is taken: values by key. */
export class Config {
  readonly size: i32 = load<u32>(input, 4);
  private entries: usize = input + <usize>load<u32>(input);

  /** The value of a key; null where there is none. */
  get(key: string): string | null {
    let at = this.entries;
    for (let i = 0; i < this.size; i++) {
      const keyLength = <usize>load<u32>(at), length = <usize>load<u32>(at, 4);
      at += 8;
      if (String.UTF8.decodeUnsafe(at, keyLength) == key) return String.UTF8.decodeUnsafe(at + keyLength, length);
      at += keyLength + length;
    }
    return null;
  }
}

let handler: ((q: Query, a: Answer) => void) | null = null;
let configurer: ((c: Config) => bool) | null = null;
const query = new Query();
const answer = new Answer();

/** Says what decides an answer. */
export function handle(decide: (q: Query, a: Answer) => void): void {
  handler = decide;
}

/** Says what takes the configuration; false refuses it. A guest without takes an empty one only. */
export function configure(take: (c: Config) => bool): void {
  configurer = take;
}

/** The work of namelet_buffers. */
export function buffers(): usize {
  store<u32>(table, <u32>input);
  store<u32>(table, BUFFER, 4);
  store<u32>(table, <u32>output, 8);
  store<u32>(table, BUFFER, 12);
  return table;
}

/** The work of namelet_init. */
export function init(): i32 {
  const config = new Config();
  const taken = configurer;
  const ok = taken ? taken(config) : config.size == 0;
  return ok ? 0 : Status.INVALID;
}

/** The work of namelet_answer. */
export function decide(): i32 {
  const decided = handler;
  if (!decided) return Status.INVALID;
  query.read();
  answer.begin();
  decided(query, answer);
  return answer.finish();
}
