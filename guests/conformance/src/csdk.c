/* The conformance guest of the C header: for each first label it does what hostabi/conformance says
 * beside the case. */
#define NL_CONFIG
#include "namelet.h"

enum { NL_HINFO = 13 };

static uint8_t config[32];
static uint32_t config_len;

int32_t namelet_configure(const nl_config *c) {
	const uint8_t *value = nl_config_get(c, "a", &config_len);
	if (!value || c->count != 1 || config_len > sizeof config) return NL_INVALID;
	memcpy(config, value, config_len);
	return 0;
}

/* --- names and text --- */

#define ZONE "\13conformance\7example"
#define NAME(labels) labels, sizeof(labels)

static const char host[] = "\4host" ZONE, none[] = "\4none" ZONE;

/* text is one character string under way: its length first, as rdata have it. */
static char text[256];

static void put(char c) { text[1 + (uint8_t)text[0]++] = c; }

static void put_number(int64_t v) {
	char digits[20];
	int n = 0;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	if (v < 0) put('-');
	do digits[n++] = (char)('0' + u % 10);
	while (u /= 10);
	while (n) put(digits[--n]);
}

static void say(int64_t v) {
	if (text[0]) put(' ');
	put_number(v);
}

static void put_ipv4(const uint8_t *addr) {
	for (int i = 0; i < 4; i++) {
		if (i) put('.');
		put_number(addr[i]);
	}
}

static void put_group(uint32_t v) {
	for (int shift = 12, started = 0; shift >= 0; shift -= 4) {
		uint32_t digit = v >> shift & 15;
		if (digit || started || !shift) put("0123456789abcdef"[digit]), started = 1;
	}
}

static int32_t find(const char *name, uint32_t size, uint32_t type) {
	int32_t v = nl_lookup(name, size, type, 0);
	return v > 0 ? 0 : v;
}

/* --- what the labels stand for --- */

static uint32_t labels(const uint8_t *name) {
	uint32_t n = 0;
	for (; *name; name += 1 + *name) n++;
	return n;
}

static void question(const nl_question *q) {
	say(q->qtype), say(labels(q->qname)), say(labels(q->zone)), say(labels(q->attach));
}

static void client(void) {
	nl_client_t c = {.size = sizeof c};
	int32_t bits = nl_client(24, 56, &c);
	if (c.family == 4) {
		put_ipv4(c.addr);
	} else {
		for (int i = 0; i < 4; i++) put_group((uint32_t)c.addr[2 * i] << 8 | c.addr[2 * i + 1]), put(':');
		put(':');
	}
	put('/'), put_number(bits);
}

static void lookups(void) {
	say(find(NAME(host), NL_A)), say(find(NAME(none), NL_A));
	say(find(NAME("\3sub" ZONE), NL_A)), say(find(NAME("\5alias" ZONE), NL_A));
	say(find(NAME(host), NL_TXT)), say(find(NAME("\3ent" ZONE), NL_TXT));
	say(find(NAME("\4host\7granted\10internal"), NL_TXT)), say(find(NAME("\4host\6denied\10internal"), NL_TXT));
}

static void read_host(void) {
	nl_rrset_info_t info = {0};
	uint8_t data[64];
	int32_t h = nl_lookup(NAME(host), NL_A, 0);
	nl_rrset_info(h, &info, sizeof info);
	say(info.ttl), say(info.count);
	int32_t n = nl_rrset_read(h, data, sizeof data);
	for (int32_t i = 0; i + 2 <= n && n <= (int32_t)sizeof data; i += 2 + nl_get16(data + i)) put(' '), put_ipv4(data + i + 2);
}

static void many(void) {
	nl_lookup_request r[2] = {
		{24, (uint32_t)(uintptr_t)host, sizeof host, NL_A, 0, 0},
		{24, (uint32_t)(uintptr_t)none, sizeof none, NL_A, 0, 0},
	};
	nl_rrset_info_t info = {0};
	nl_lookup_many(r, 2);
	nl_rrset_info(r[0].result, &info, sizeof info);
	say(r[0].result > 0 ? 0 : r[0].result), say(r[1].result), say(info.count);
}

static void where(void) {
	char name[255];
	say(nl_transport()), put(' ');
	int32_t n = nl_site(name, sizeof name);
	for (int32_t i = 0; i < n; i++) put(name[i]);
}

static void rrset(nl_answer *a, int64_t ttl) {
	uint8_t handle[4];
	nl_put32(handle, (uint32_t)nl_lookup(NAME("\4host\7granted\10internal"), NL_TXT, 0));
	nl_record_ttl(a, NL_TXT, NL_KIND_HANDLE, handle, 4, ttl, 0, 0);
}

/* records answers with the one record of the question's type. */
static void records(const nl_question *q, nl_answer *a) {
#define RDATA(type, data) \
	case type: \
		nl_rdata(a, type, data, sizeof(data) - 1); \
		return
#define TEXT(type, data) \
	case type: \
		nl_text(a, type, data, sizeof(data) - 1); \
		return
	switch (q->qtype) {
		RDATA(NL_A, "\300\0\2\11");
		RDATA(NL_AAAA, "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\11");
		RDATA(NL_MX, "\0\12\2mx" ZONE "\0");
		RDATA(NL_TXT, "\3one\3two");
		RDATA(NL_NS, "\2ns" ZONE "\0");
		TEXT(NL_SRV, "1 2 443 srv");
		TEXT(NL_CAA, "128 issue \"ca.example\"");
		TEXT(NL_PTR, "ptr.conformance.example.");
		TEXT(NL_SVCB, "1 svc alpn=h2 port=8443");
		TEXT(NL_HTTPS, "1 svc.conformance.example. alpn=h2,h3");
		TEXT(NL_HINFO, "wasm namelet");
	}
	nl_say(a, NL_SAY_NODATA);
}

static int is(const nl_question *q, const char *name) {
	uint32_t n = 0;
	while (name[n] && n < q->qname[0] && (uint8_t)name[n] == q->qname[1 + n]) n++;
	return !name[n] && n == q->qname[0];
}

/* answers gives what is not one line of text; 0 when the label stands for none of it. */
static int answers(const nl_question *q, nl_answer *a) {
	static const char target[] = "\6target" ZONE, t[] = "\1t" ZONE, one[4] = "\3one";
	if (is(q, "sdk-rrset")) rrset(a, -1);
	else if (is(q, "sdk-rrset-ttl")) rrset(a, 7);
	else if (is(q, "sdk-record")) records(q, a);
	else if (is(q, "sdk-ttl")) nl_record_ttl(a, NL_TXT, NL_KIND_RDATA, one, 4, 5, 0, 0);
	else if (is(q, "sdk-cname")) nl_rdata(a, NL_CNAME, target, sizeof target);
	else if (is(q, "sdk-nodata")) nl_say(a, NL_SAY_NODATA);
	else if (is(q, "sdk-nxdomain")) nl_say(a, NL_SAY_NXDOMAIN);
	else if (is(q, "sdk-negative-ttl")) nl_say(a, NL_SAY_NXDOMAIN), nl_negative_ttl(a, 5);
	else if (is(q, "sdk-refuse")) nl_say(a, NL_SAY_REFUSE);
	else if (is(q, "sdk-static")) nl_say(a, NL_SAY_STATIC);
	else if (is(q, "sdk-fail")) a->failed = nl_pick(0) < 0;
	else if (is(q, "sdk-chain")) {
		nl_rdata(a, NL_CNAME, t, sizeof t);
		nl_record_ttl(a, NL_TXT, NL_KIND_RDATA, one, 4, -1, t, sizeof t);
	} else return 0;
	return 1;
}

void namelet_handle(const nl_question *q, nl_answer *a) {
	if (answers(q, a)) return;
	text[0] = 0;
	if (is(q, "sdk-question")) question(q);
	else if (is(q, "sdk-client")) client();
	else if (is(q, "sdk-time")) say(nl_now(3600)), say(nl_before(1700000000)), say(nl_before(1700000001));
	else if (is(q, "sdk-pick")) say(nl_pick(10)), say(nl_pick(10)), say(nl_pick(65536));
	else if (is(q, "sdk-where")) where();
	else if (is(q, "sdk-lookup")) lookups();
	else if (is(q, "sdk-read")) read_host();
	else if (is(q, "sdk-many")) many();
	else if (is(q, "sdk-config")) for (uint32_t i = 0; i < config_len; i++) put((char)config[i]);
	else return;
	nl_rdata(a, NL_TXT, text, 1 + (uint8_t)text[0]);
}
