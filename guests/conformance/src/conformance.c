/* The conformance guest: each question is an experiment with the host. The first label of qname names
 * it, the answer is a TXT record of the numbers it saw, parted by spaces, or the answer whose
 * handling is to be seen. Package hostabi/conformance holds the questions and what must come back.
 *
 * It calls the imports itself, without the C header, so that it can pass what no SDK would. */
#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("namelet_v1"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(lookup) int32_t lookup(uint32_t name, uint32_t len, uint32_t type, uint32_t flags);
IMPORT(lookup_many) int32_t lookup_many(uint32_t requests, uint32_t count);
IMPORT(rrset_info) int32_t rrset_info(int32_t handle, uint32_t buf, uint32_t cap);
IMPORT(rrset_read) int32_t rrset_read(int32_t handle, uint32_t buf, uint32_t cap);
IMPORT(client) int32_t client(int32_t v4, int32_t v6, uint32_t buf);
IMPORT(now) int64_t now(int32_t grain);
IMPORT(before) int32_t before(int64_t unix_seconds);
IMPORT(pick) int32_t pick(int32_t n);
IMPORT(transport) int32_t transport(void);
IMPORT(site) int32_t site(uint32_t buf, uint32_t cap);
IMPORT(log) int32_t nl_log(int32_t level, uint32_t line, uint32_t len);
IMPORT(metric_add) int32_t metric_add(uint32_t name, uint32_t len, int64_t delta);

#define FAR 0xfffffff0u /* an address that no memory of this guest reaches */

enum { A = 1, CNAME = 5, TXT = 16, DS = 43, AAAA = 28 };

static uint8_t in[4096], out[8192], scratch[4096], guarded[64];
static char text[512];
static uint32_t text_len, out_len, out_count;
static int32_t during_init[10];
static uint32_t config_len;

static uint32_t at(const void *p) { return (uint32_t)(uintptr_t)p; }

/* --- saying what was seen --- */

static void put_char(char c) {
	if (text_len < 255) text[text_len++] = c;
}

static void say(int64_t v) {
	char digits[20];
	int n = 0;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	if (text_len) put_char(' ');
	if (v < 0) put_char('-');
	do digits[n++] = (char)('0' + u % 10);
	while (u /= 10);
	while (n) put_char(digits[--n]);
}

static void say_hex(const uint8_t *b, uint32_t n) {
	static const char hex[] = "0123456789abcdef";
	if (text_len) put_char(' ');
	for (uint32_t i = 0; i < n; i++) put_char(hex[b[i] >> 4]), put_char(hex[b[i] & 15]);
}

/* found turns a handle, whose number means nothing, into 0. */
static int32_t found(int32_t v) { return v > 0 ? 0 : v; }

/* guard fills a buffer with a pattern; broken counts the bytes from `from` on that have lost it. */
static void guard(void) {
	for (uint32_t i = 0; i < sizeof guarded; i++) guarded[i] = 0xa5;
}

static int broken(uint32_t from) {
	int n = 0;
	for (uint32_t i = from; i < sizeof guarded; i++) n += guarded[i] != 0xa5;
	return n;
}

/* --- names and records --- */

/* wire turns dotted text into wire form in scratch, and gives its length. */
static uint32_t wire(const char *dotted, uint8_t *to) {
	uint32_t n = 1, start = 0;
	for (;; dotted++) {
		if (*dotted && *dotted != '.') {
			to[n++] = (uint8_t)*dotted;
			continue;
		}
		to[start] = (uint8_t)(n - start - 1);
		if (!*dotted) break;
		start = n++;
	}
	to[n++] = 0;
	return n;
}

static int32_t find(const char *name, uint32_t type) {
	uint32_t n = wire(name, scratch);
	return lookup(at(scratch), n, type, 0);
}

static void put(uint32_t v, int bytes) {
	while (bytes--) out[out_len++] = (uint8_t)v, v >>= 8;
}

static void put_bytes(const void *p, uint32_t n) {
	const uint8_t *b = p;
	while (n--) out[out_len++] = *b++;
}

static void begin(uint32_t disposition) {
	out_len = out_count = 0;
	put(16, 4), put(disposition, 4), put(0, 4), put(0, 4);
}

static void record(uint32_t type, uint32_t kind, int64_t ttl, const char *owner, const void *data, uint32_t len) {
	uint8_t name[256];
	uint32_t n = owner ? wire(owner, name) : 0;
	put(16, 4), put(type, 2), put(kind, 1), put(ttl >= 0, 1), put(ttl >= 0 ? (uint32_t)ttl : 0, 4);
	put(n, 2), put(len, 2);
	put_bytes(name, n), put_bytes(data, len);
	out_count++;
	out[6] = (uint8_t)out_count, out[7] = (uint8_t)(out_count >> 8);
}

static void record_name(uint32_t type, const char *owner, const char *target) {
	uint8_t name[256];
	record(type, 0, -1, owner, name, wire(target, name));
}

static void record_handle(uint32_t type, int32_t handle) { record(type, 2, -1, 0, &handle, 4); }

/* --- experiments: lookups --- */

static void lookup_found(void) {
	int32_t h = find("host.conformance.example", A);
	uint32_t info[6];
	say(found(h)), say(rrset_info(h, at(info), sizeof info));
	say(info[0]), say(info[1] & 0xffff), say(info[1] >> 16), say(info[2]), say(info[3]), say(info[4]), say(info[5]);
}

static void lookup_wildcard(void) {
	int32_t h = find("x.wild.conformance.example", TXT);
	uint32_t info[6];
	say(found(h)), rrset_info(h, at(info), sizeof info), say(info[1] >> 16);
}

static void lookup_outcomes(void) {
	say(found(find("HOST.Conformance.EXAMPLE", A)));
	say(find("host.conformance.example", TXT));
	say(find("none.conformance.example", A));
	say(find("ent.conformance.example", TXT));
	say(find("sub.conformance.example", A));
	say(find("www.sub.conformance.example", A));
	say(find("sub.conformance.example", DS));
	say(find("alias.conformance.example", A));
	say(found(find("alias.conformance.example", CNAME)));
	say(found(find("host.granted.internal", TXT)));
	say(find("none.granted.internal", TXT));
	say(find("host.denied.internal", TXT));
	say(find("www.example.org", A));
}

static void lookup_bad_names(void) {
	static const uint8_t unending[] = "\1a\1b", pointer[] = "\300\14", after[] = "\1a\0\0";
	for (uint32_t i = 0; i < 300; i++) scratch[i] = i % 2 ? 'a' : 1;
	scratch[256] = 0;
	say(lookup(at(unending), 4, A, 0)), say(lookup(at(pointer), 2, A, 0)), say(lookup(at(after), 4, A, 0));
	say(lookup(at(scratch), 257, A, 0)), say(lookup(at(scratch), 0, A, 0));
}

static void lookup_bad_types(void) {
	static const uint32_t types[] = {0, 41, 128, 252, 255, 65536, 0xffffffff};
	for (int i = 0; i < 7; i++) say(find("host.conformance.example", types[i]));
	say(lookup(at(scratch), wire("host.conformance.example", scratch), A, 1));
	say(lookup(at(scratch), wire("host.conformance.example", scratch), A, 0x80000000));
}

static void lookup_limit(void) {
	int failed = 0;
	for (int i = 0; i < 64; i++) failed += find("host.conformance.example", A) < 0;
	say(failed), say(find("host.conformance.example", A)), say(find("host.conformance.example", A));
}

static uint32_t request(uint8_t *to, uint32_t size, uint32_t name, uint32_t len, uint32_t type, uint32_t flags) {
	uint32_t fields[6] = {size, name, len, type, flags, 77};
	const uint8_t *b = (const uint8_t *)fields;
	for (int i = 0; i < 24; i++) to[i] = b[i];
	return size;
}

static int32_t result(const uint8_t *r) {
	return (int32_t)(r[20] | r[21] << 8 | r[22] << 16 | (uint32_t)r[23] << 24);
}

static void many(void) {
	uint8_t host[64], none[64], *r = scratch;
	uint32_t h = wire("host.conformance.example", host), n = wire("none.conformance.example", none);
	request(r, 24, at(host), h, A, 0);
	request(r + 24, 32, at(none), n, A, 0); /* an entry with fields of a later version */
	request(r + 56, 24, at(host), 3, A, 0);
	request(r + 80, 24, at(host), h, 0, 0);
	say(lookup_many(at(r), 4));
	say(found(result(r))), say(result(r + 24)), say(result(r + 56)), say(result(r + 80));
	say(lookup_many(at(r), 0)), say(lookup_many(FAR, 0));
}

static void many_bad(void) {
	uint8_t host[64], *r = scratch;
	uint32_t h = wire("host.conformance.example", host);
	request(r, 24, at(host), h, A, 0);
	request(r + 24, 20, at(host), h, A, 0);
	say(lookup_many(at(r), 2)), say(result(r));
	for (int i = 0; i < 65; i++) request(r + 24 * i, 24, at(host), h, A, 0);
	say(lookup_many(at(r), 65)), say(result(r));
	say(lookup_many(at(r), 64)), say(found(result(r + 24 * 63)));
	say(find("host.conformance.example", A));
}

static void handles(void) {
	static const int32_t bad[] = {-1, 1, 0x7fffffff};
	find("host.conformance.example", A);
	for (int i = 0; i < 3; i++) {
		int32_t h = bad[i] == 1 ? 1000 : bad[i];
		say(rrset_info(h, at(scratch), 24)), say(rrset_read(h, at(scratch), 24));
	}
}

static void info_small(void) {
	int32_t h = find("host.conformance.example", A);
	guard();
	say(rrset_info(h, at(guarded), 23)), say(broken(0)), say(rrset_info(h, FAR, 0));
	say(rrset_info(h, at(guarded), 64)), say(broken(24));
}

static void read_all(void) {
	int32_t h = find("host.conformance.example", A);
	guard();
	say(rrset_read(h, at(guarded), 11)), say(broken(0)), say(rrset_read(h, FAR, 0));
	int32_t n = rrset_read(h, at(guarded), 64);
	say(n), say(broken((uint32_t)n)), say_hex(guarded, (uint32_t)n);
}

/* --- experiments: inputs --- */

static void ask_client(int32_t v4, int32_t v6) {
	uint32_t c[6] = {24, 0, 0, 0, 0, 0};
	int32_t bits = client(v4, v6, at(c));
	say(bits);
	if (bits >= 0) say(c[1]), say_hex((uint8_t *)&c[2], 16);
}

static void client_24_56(void) { ask_client(24, 56), ask_client(24, 56); }
static void client_all(void) { ask_client(32, 128); }
static void client_none(void) { ask_client(0, 0); }
static void client_odd(void) { ask_client(25, 49); }

static void client_bad(void) {
	ask_client(33, 56), ask_client(-1, 56), ask_client(24, 129), ask_client(24, -1);
	guard();
	guarded[0] = 23, guarded[1] = guarded[2] = guarded[3] = 0;
	say(client(24, 56, at(guarded))), say(broken(4));
	guarded[0] = 64;
	say(found(client(24, 56, at(guarded)))), say(broken(24)), say(guarded[0]);
}

static void time_now(void) {
	say(now(1)), say(now(60)), say(now(3600)), say(now(86400)), say(now(1)), say(now(0x7fffffff));
	say(now(0)), say(now(-1));
}

static void time_before(void) {
	int64_t t = now(1);
	say(before(t)), say(before(t + 1)), say(before(t - 1)), say(before(INT64_MIN)), say(before(INT64_MAX));
}

static void picks(void) { say(pick(10)), say(pick(10)), say(pick(65536)), say(pick(1)); }

static void pick_bad(void) { say(pick(0)), say(pick(-1)), say(pick(65537)), say(pick(10)); }

static void pick_limit(void) {
	int failed = 0;
	for (int i = 0; i < 64; i++) failed += pick(1) < 0;
	say(failed), say(pick(1));
}

static void how(void) { say(transport()), say(transport()); }

static void where(void) {
	guard();
	say(site(at(guarded), 1)), say(broken(0)), say(site(FAR, 0));
	int32_t n = site(at(guarded), sizeof guarded);
	say(n), say(broken((uint32_t)n)), say_hex(guarded, (uint32_t)n);
}

/* --- experiments: what is no input --- */

static void logs(void) {
	static const uint8_t line[] = "conformance", broken_utf8[] = {'a', 0xff};
	say(nl_log(-1, at(line), 11)), say(nl_log(4, at(line), 11)), say(nl_log(1, at(in), 1025));
	say(nl_log(1, at(broken_utf8), 2));
	int failed = 0;
	for (int i = 0; i < 16; i++) failed += nl_log(i % 4, at(line), 11) != 0;
	say(failed), say(nl_log(1, at(line), 11));
}

static void metrics(void) {
	static const uint8_t good[] = "conformance_1", upper[] = "A", dash[] = "a-b";
	for (int i = 0; i < 65; i++) scratch[i] = 'a';
	say(metric_add(at(good), 13, 1)), say(metric_add(at(good), 13, -1)), say(metric_add(at(scratch), 64, 0));
	say(metric_add(at(scratch), 65, 1)), say(metric_add(at(good), 0, 1));
	say(metric_add(at(upper), 1, 1)), say(metric_add(at(dash), 3, 1));
}

static void at_init(void) {
	for (int i = 0; i < 10; i++) say(during_init[i]);
}

static void configured(void) { say(config_len); }

/* --- experiments: pointers out of range, which must end the call --- */

static void far_lookup(void) { lookup(FAR, 20, A, 0); }
static void far_many(void) { lookup_many(FAR, 1); }
static void many_count(void) { say(lookup_many(FAR, 0xffffffff)), say(lookup_many(FAR, 65)); }
static void far_many_name(void) { request(scratch, 24, FAR, 20, A, 0), lookup_many(at(scratch), 1); }
static void far_info(void) { rrset_info(find("host.conformance.example", A), FAR, 24); }
static void far_read(void) { rrset_read(find("host.conformance.example", A), FAR, 64); }
static void far_client(void) { client(24, 56, FAR); }
static void far_site(void) { site(FAR, 255); }
static void far_log(void) { nl_log(1, FAR, 20); }
static void far_metric(void) { metric_add(FAR, 20, 1); }
static void trap(void) { __builtin_trap(); }
static void spin(void) {
	for (volatile int i = 0;; i++) {}
}

/* --- experiments: answers --- */

static const uint8_t addr[4] = {192, 0, 2, 9};

static void say_nodata(void) { begin(2); }
static void say_nxdomain(void) { begin(3); }
static void say_refuse(void) { begin(4); }
static void say_static(void) { begin(5); }
static void give_negative_ttl(void) { begin(3), out[8] = 5; }

static void give_one(void) { begin(1), record(TXT, 0, -1, 0, "\3one", 4); }
static void give_ttl(void) { begin(1), record(TXT, 0, 5, 0, "\3one", 4); }
static void give_ttl_high(void) { begin(1), record(TXT, 0, 0xffffffff, 0, "\3one", 4); }
static void give_ttls(void) { begin(1), record(TXT, 0, 50, 0, "\3one", 4), record(TXT, 0, 40, 0, "\3two", 4); }
static void give_twice(void) { begin(1), record(TXT, 0, 50, 0, "\3one", 4), record(TXT, 0, 50, 0, "\3one", 4); }
static void give_text(void) { begin(1), record(TXT, 1, -1, 0, "\"a b\" c", 7); }
static void give_handle(void) { begin(1), record_handle(TXT, find("host.granted.internal", TXT)); }
static void give_handle_ttl(void) {
	int32_t h = find("host.granted.internal", TXT);
	begin(1), record(TXT, 2, 7, 0, &h, 4);
}
static void give_cname(void) { begin(1), record_name(CNAME, 0, "target.conformance.example"); }
static void give_chain(void) {
	begin(1), record_name(CNAME, 0, "t.conformance.example"), record(TXT, 0, -1, "T.conformance.EXAMPLE", "\3one", 4);
}
static void give_chain_reversed(void) {
	begin(1), record(TXT, 0, -1, "t.conformance.example", "\3one", 4), record_name(CNAME, 0, "t.conformance.example");
}
static void give_256(void) {
	begin(1);
	for (uint32_t i = 0; i < 256; i++) {
		uint8_t data[2] = {1, (uint8_t)i};
		record(TXT, 0, -1, 0, data, 2);
	}
}

static void bad_257(void) {
	give_256(), record(TXT, 0, -1, 0, "\3one", 4);
}
static void bad_unwritten(void) { out_len = 16; for (int i = 0; i < 16; i++) out[i] = 0; }
static void bad_disposition(void) { begin(9); }
static void bad_trailing(void) { give_one(), put(0, 1); }
static void bad_short(void) { give_one(), out_len--; }
static void bad_count(void) { begin(1); }
static void bad_records(void) { begin(3), record(TXT, 0, -1, 0, "\3one", 4); }
static void bad_length(void) { give_one(), out_len = sizeof out + 1; }
static void bad_huge(void) { give_one(), out_len = 0x7fffffff; }
static void bad_status(void) { out_len = (uint32_t)-7; }
static void bad_type(void) { begin(1), record(A, 0, -1, 0, addr, 4); }
static void bad_owner(void) { begin(1), record(TXT, 0, -1, "other.conformance.example", "\3one", 4); }
static void bad_owner_outside(void) {
	begin(1), record_name(CNAME, 0, "www.example.org"), record(TXT, 0, -1, "www.example.org", "\3one", 4);
}
static void bad_cname_and(void) {
	begin(1), record_name(CNAME, 0, "t.conformance.example"), record(TXT, 0, -1, 0, "\3one", 4);
}
static void bad_cnames(void) {
	begin(1), record_name(CNAME, 0, "t.conformance.example"), record_name(CNAME, 0, "u.conformance.example");
}
static void bad_loop(void) {
	begin(1), record_name(CNAME, 0, "t.conformance.example");
	record_name(CNAME, "t.conformance.example", "bad-loop.conformance.example");
}
static void bad_rdata(void) { begin(1), record(TXT, 0, -1, 0, "\4one", 4); }
static void bad_rdata_empty(void) { begin(1), record(TXT, 0, -1, 0, "", 0); }
static void bad_cname_rdata(void) { begin(1), record(CNAME, 0, -1, 0, "\3one", 4); }
static void bad_text(void) { begin(1), record(TXT, 1, -1, 0, "\"open", 5); }
static void bad_text_two(void) { begin(1), record(TXT, 1, -1, 0, "one\nx TXT two", 13); }
static void bad_handle(void) { begin(1), record_handle(TXT, 5); }
static void bad_handle_status(void) { begin(1), record_handle(TXT, find("none.conformance.example", TXT)); }
static void bad_handle_type(void) { begin(1), record_handle(TXT, find("host.conformance.example", A)); }

static const struct {
	const char *name;
	void (*run)(void);
} experiments[] = {
	{"lookup-found", lookup_found}, {"lookup-wildcard", lookup_wildcard}, {"lookup-outcomes", lookup_outcomes},
	{"lookup-bad-names", lookup_bad_names}, {"lookup-bad-types", lookup_bad_types}, {"lookup-limit", lookup_limit},
	{"many", many}, {"many-bad", many_bad}, {"handles", handles}, {"info-small", info_small}, {"read", read_all},
	{"client", client_24_56}, {"client-all", client_all}, {"client-none", client_none}, {"client-odd", client_odd},
	{"client-bad", client_bad}, {"now", time_now}, {"before", time_before}, {"pick", picks}, {"pick-bad", pick_bad},
	{"pick-limit", pick_limit}, {"transport", how}, {"site", where}, {"log", logs}, {"metric", metrics},
	{"init", at_init}, {"config", configured},
	{"far-lookup", far_lookup}, {"far-many", far_many}, {"many-count", many_count},
	{"far-many-name", far_many_name}, {"far-info", far_info}, {"far-read", far_read}, {"far-client", far_client},
	{"far-site", far_site}, {"far-log", far_log}, {"far-metric", far_metric}, {"trap", trap}, {"spin", spin},
	{"say-nodata", say_nodata}, {"say-nxdomain", say_nxdomain}, {"say-refuse", say_refuse}, {"say-static", say_static},
	{"ent-nxdomain", say_nxdomain}, {"negative-ttl", give_negative_ttl},
	{"give-one", give_one}, {"give-ttl", give_ttl}, {"give-ttl-high", give_ttl_high}, {"give-ttls", give_ttls},
	{"give-twice", give_twice}, {"give-text", give_text}, {"give-handle", give_handle},
	{"give-handle-ttl", give_handle_ttl}, {"give-cname", give_cname}, {"give-chain", give_chain},
	{"give-chain-reversed", give_chain_reversed}, {"give-256", give_256},
	{"bad-257", bad_257}, {"bad-unwritten", bad_unwritten}, {"bad-disposition", bad_disposition},
	{"bad-trailing", bad_trailing}, {"bad-short", bad_short}, {"bad-count", bad_count}, {"bad-records", bad_records},
	{"bad-length", bad_length}, {"bad-huge", bad_huge}, {"bad-status", bad_status}, {"bad-type", bad_type},
	{"bad-owner", bad_owner}, {"bad-owner-outside", bad_owner_outside}, {"bad-cname-and", bad_cname_and},
	{"bad-cnames", bad_cnames}, {"bad-loop", bad_loop}, {"bad-rdata", bad_rdata}, {"bad-rdata-empty", bad_rdata_empty},
	{"bad-cname-rdata", bad_cname_rdata}, {"bad-text", bad_text}, {"bad-text-two", bad_text_two},
	{"bad-handle", bad_handle}, {"bad-handle-status", bad_handle_status}, {"bad-handle-type", bad_handle_type},
};

static int named(const char *name, const uint8_t *label) {
	uint32_t i = 0;
	while (name[i] && i < label[0] && name[i] == (char)label[1 + i]) i++;
	return !name[i] && i == label[0];
}

EXPORT(namelet_abi_1) void marker(void) {}

EXPORT(namelet_buffers) uint32_t buffers(void) {
	static uint32_t b[4];
	b[0] = at(in), b[1] = sizeof in, b[2] = at(out), b[3] = sizeof out;
	return at(b);
}

EXPORT(namelet_init) int32_t init(uint32_t len) {
	config_len = len;
	uint32_t c[6] = {24};
	during_init[0] = find("host.conformance.example", A);
	during_init[1] = lookup_many(at(scratch), 0);
	during_init[2] = client(24, 56, at(c));
	during_init[3] = (int32_t)now(60);
	during_init[4] = before(0);
	during_init[5] = pick(2);
	during_init[6] = transport();
	during_init[7] = site(at(scratch), 255);
	during_init[8] = nl_log(0, at("init"), 4);
	during_init[9] = metric_add(at("init"), 4, 1);
	return 0;
}

EXPORT(namelet_answer) int32_t answer(uint32_t len) {
	const uint8_t *qname = in + in[0];
	(void)len;
	text_len = out_len = 0;
	for (uint32_t i = 0; i < sizeof experiments / sizeof *experiments; i++) {
		if (!named(experiments[i].name, qname)) continue;
		experiments[i].run();
		if (out_len) return (int32_t)out_len;
		for (uint32_t k = text_len++; k; k--) text[k] = text[k - 1];
		text[0] = (char)(text_len - 1);
		begin(1), record(TXT, 0, -1, 0, text, text_len);
		return (int32_t)out_len;
	}
	begin(5);
	return (int32_t)out_len;
}
