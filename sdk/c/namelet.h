/* namelet.h: write a guest of Namelet in C.
 *
 * Define namelet_handle in your program, and include this header in exactly one file of it:
 *
 *     #include "namelet.h"
 *
 *     void namelet_handle(const nl_question *q, nl_answer *a) {
 *         static const uint8_t addr[4] = {192, 0, 2, 1};
 *         nl_rdata(a, NL_A, addr, sizeof addr);
 *     }
 *
 * Build it without a C library:
 *
 *     clang --target=wasm32 -O2 -nostdlib -ffreestanding -c guest.c -o guest.o
 *     wasm-ld --no-entry --strip-all guest.o -o guest.wasm
 *
 * (Linking through clang may run wasm-opt where it is installed; some versions of the two do not
 * fit each other.)
 *
 * The ABI is hostabi/SPEC.md. Names are in uncompressed wire form, lower case from the host.
 */
#ifndef NAMELET_H
#define NAMELET_H

#include <stddef.h>
#include <stdint.h>

#define NL_IMPORT(name) __attribute__((import_module("namelet_v1"), import_name(#name)))
#define NL_EXPORT(name) __attribute__((export_name(#name)))

/* RR types; any other number will do as well. */
enum { NL_A = 1, NL_NS = 2, NL_CNAME = 5, NL_PTR = 12, NL_MX = 15, NL_TXT = 16, NL_AAAA = 28, NL_SRV = 33,
       NL_SVCB = 64, NL_HTTPS = 65, NL_CAA = 257 };

/* Status codes. */
enum { NL_OK = 0, NL_NODATA = -1, NL_NXDOMAIN = -2, NL_DELEGATED = -3, NL_IS_CNAME = -4, NL_DENIED = -5,
       NL_UNAVAILABLE = -6, NL_INVALID = -7, NL_LIMIT = -8, NL_NO_HANDLE = -9 };

/* Dispositions. */
enum { NL_SAY_ANSWER = 1, NL_SAY_NODATA = 2, NL_SAY_NXDOMAIN = 3, NL_SAY_REFUSE = 4, NL_SAY_STATIC = 5 };

/* Kinds of record data. */
enum { NL_KIND_RDATA = 0, NL_KIND_TEXT = 1, NL_KIND_HANDLE = 2 };

enum { NL_LOG_DEBUG = 0, NL_LOG_INFO = 1, NL_LOG_WARN = 2, NL_LOG_ERROR = 3 };

/* Imports (SPEC.md section 3). A negative result is a status. */
NL_IMPORT(lookup)      int32_t nl_lookup(const void *name, uint32_t name_len, uint32_t type, uint32_t flags);
NL_IMPORT(lookup_many) int32_t nl_lookup_many(void *requests, uint32_t count);
NL_IMPORT(rrset_info)  int32_t nl_rrset_info(int32_t handle, void *buf, uint32_t cap);
NL_IMPORT(rrset_read)  int32_t nl_rrset_read(int32_t handle, void *buf, uint32_t cap);
NL_IMPORT(client)      int32_t nl_client(int32_t v4_bits, int32_t v6_bits, void *buf);
NL_IMPORT(now)         int64_t nl_now(int32_t grain_seconds);
NL_IMPORT(before)      int32_t nl_before(int64_t unix_seconds);
NL_IMPORT(pick)        int32_t nl_pick(int32_t n);
NL_IMPORT(transport)   int32_t nl_transport(void);
NL_IMPORT(site)        int32_t nl_site(void *buf, uint32_t cap);
NL_IMPORT(log)         int32_t nl_log(int32_t level, const void *line, uint32_t len);
NL_IMPORT(metric_add)  int32_t nl_metric_add(const void *name, uint32_t len, int64_t delta);

typedef struct {
	uint32_t size, name_ptr, name_len, type, flags;
	int32_t result;
} nl_lookup_request;

typedef struct {
	uint32_t size;
	uint16_t type, flags;
	uint32_t ttl, count, rdata_len, reserved;
} nl_rrset_info_t;

typedef struct {
	uint32_t size, family;
	uint8_t addr[16];
} nl_client_t;

/* The question. qname, zone and attach share memory: the last two are ends of the first. */
typedef struct {
	const uint8_t *qname, *zone, *attach;
	uint32_t qname_len, zone_len, attach_len;
	uint16_t qtype;
} nl_question;

/* The answer under way. Until something is said it is "static". */
typedef struct {
	uint32_t len;
	uint16_t count;
	uint8_t disposition;
	uint8_t failed; /* set it to give up: the host then answers from the fallback */
	uint16_t qtype;
	uint32_t negative_ttl;
} nl_answer;

/* The configuration, while namelet_configure runs. */
typedef struct {
	const uint8_t *entries;
	uint32_t count;
} nl_config;

/* Yours to write: decides one answer. */
void namelet_handle(const nl_question *q, nl_answer *a);

/* Yours to write when you define NL_CONFIG before including this header: takes the configuration, once. Returns 0,
 * or a negative number to refuse it. What you want to keep, copy. A guest without NL_CONFIG takes none. */
int32_t namelet_configure(const nl_config *c);

#ifndef NL_BUFFER
#define NL_BUFFER 8192 /* capacity of each of the two buffers, 1024 to 65536 */
#endif

static uint8_t nl_in[NL_BUFFER], nl_out[NL_BUFFER];

/* The compiler may turn loops into calls of these two, but not their own. */
__attribute__((no_builtin("memcpy"))) void *memcpy(void *restrict to, const void *restrict from, size_t n) {
	uint8_t *d = to;
	const uint8_t *s = from;
	while (n--) *d++ = *s++;
	return to;
}

__attribute__((no_builtin("memset"))) void *memset(void *to, int c, size_t n) {
	uint8_t *d = to;
	while (n--) *d++ = (uint8_t)c;
	return to;
}

static inline uint16_t nl_get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t nl_get32(const uint8_t *p) { return nl_get16(p) | (uint32_t)nl_get16(p + 2) << 16; }
static inline void nl_put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static inline void nl_put32(uint8_t *p, uint32_t v) { nl_put16(p, v); nl_put16(p + 2, v >> 16); }

/* nl_say chooses NODATA, NXDOMAIN, refuse or static. Records given before or after do not count. */
static inline void nl_say(nl_answer *a, int disposition) {
	a->disposition = (uint8_t)disposition;
	a->len = 16;
	a->count = 0;
}

/* nl_negative_ttl bounds, in seconds, how long a NODATA or NXDOMAIN answer may be remembered. */
static inline void nl_negative_ttl(nl_answer *a, uint32_t seconds) { a->negative_ttl = seconds; }

/* nl_record_ttl gives a record. ttl < 0 leaves the TTL to the host; owner_len 0 stands for the qname. */
static inline void nl_record_ttl(nl_answer *a, uint16_t type, int kind, const void *data, uint32_t len, int64_t ttl,
                                 const void *owner, uint32_t owner_len) {
	if (a->disposition != NL_SAY_ANSWER && a->disposition != 0) return;
	if (len > 65535 || owner_len > 255 || a->count >= 256 || 16 + owner_len + len > NL_BUFFER - a->len) {
		a->failed = 1;
		return;
	}
	uint8_t *p = nl_out + a->len;
	nl_put32(p, 16);
	nl_put16(p + 4, type);
	p[6] = (uint8_t)kind;
	p[7] = ttl >= 0;
	nl_put32(p + 8, ttl >= 0 ? (uint32_t)ttl : 0);
	nl_put16(p + 12, owner_len);
	nl_put16(p + 14, len);
	memcpy(p + 16, owner, owner_len);
	memcpy(p + 16 + owner_len, data, len);
	a->len += 16 + owner_len + len;
	a->count++;
	a->disposition = NL_SAY_ANSWER;
}

/* nl_rdata gives a record of the qname in wire form, with the host's TTL. */
static inline void nl_rdata(nl_answer *a, uint16_t type, const void *data, uint32_t len) {
	nl_record_ttl(a, type, NL_KIND_RDATA, data, len, -1, 0, 0);
}

/* nl_text gives a record of the qname in presentation form: nl_text(a, NL_MX, "10 mx.example.", 14). */
static inline void nl_text(nl_answer *a, uint16_t type, const char *text, uint32_t len) {
	nl_record_ttl(a, type, NL_KIND_TEXT, text, len, -1, 0, 0);
}

/* nl_rrset gives a whole RRset by its handle; type is the one it was looked up by. */
static inline void nl_rrset(nl_answer *a, uint16_t type, int32_t handle) {
	uint8_t data[4];
	nl_put32(data, (uint32_t)handle);
	nl_record_ttl(a, type, NL_KIND_HANDLE, data, 4, -1, 0, 0);
}

NL_EXPORT(namelet_abi_1) void nl_export_marker(void) {}

NL_EXPORT(namelet_buffers) uint32_t *nl_export_buffers(void) {
	static uint32_t buffers[4];
	buffers[0] = (uint32_t)(uintptr_t)nl_in;
	buffers[1] = buffers[3] = NL_BUFFER;
	buffers[2] = (uint32_t)(uintptr_t)nl_out;
	return buffers;
}

NL_EXPORT(namelet_answer) int32_t nl_export_answer(uint32_t len) {
	(void)len; /* at least what the fields say, by the contract */
	nl_question q;
	nl_answer a = {.len = 16};
	q.qname = nl_in + nl_get32(nl_in);
	q.qtype = a.qtype = nl_get16(nl_in + 4);
	q.qname_len = nl_get16(nl_in + 6);
	q.zone = q.qname + nl_get16(nl_in + 8);
	q.zone_len = q.qname_len - nl_get16(nl_in + 8);
	q.attach = q.qname + nl_get16(nl_in + 10);
	q.attach_len = q.qname_len - nl_get16(nl_in + 10);
	namelet_handle(&q, &a);
	if (a.failed) return NL_LIMIT;
	nl_put32(nl_out, 16);
	nl_out[4] = a.disposition ? a.disposition : NL_SAY_STATIC;
	nl_out[5] = 0;
	nl_put16(nl_out + 6, a.count);
	nl_put32(nl_out + 8, a.negative_ttl);
	nl_put32(nl_out + 12, 0);
	return (int32_t)a.len;
}

#ifdef NL_CONFIG
/* nl_config_get finds a value by its key and gives its length by *len; 0 when there is none. */
static inline const uint8_t *nl_config_get(const nl_config *c, const char *key, uint32_t *len) {
	const uint8_t *p = c->entries;
	for (uint32_t i = 0; i < c->count; i++) {
		uint32_t key_len = nl_get32(p), n = 0;
		*len = nl_get32(p + 4);
		p += 8;
		while (n < key_len && key[n] && (uint8_t)key[n] == p[n]) n++;
		if (n == key_len && !key[n]) return p + key_len;
		p += key_len + *len;
	}
	return 0;
}

NL_EXPORT(namelet_init) int32_t nl_export_init(uint32_t len) {
	(void)len;
	nl_config c = {nl_in + nl_get32(nl_in), nl_get32(nl_in + 4)};
	return namelet_configure(&c);
}
#endif

#endif
