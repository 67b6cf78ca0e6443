/* A guest that tells a client where it seems to be: the first 24 bits of an IPv4 address, 56 of an
 * IPv6 address. A question for TXT gets the prefix as text, one for A or AAAA the prefix as an address,
 * when it is of that family. */
#include "namelet.h"

static uint32_t put_decimal(char *to, uint32_t v) {
	char digits[10];
	uint32_t n = 0, len;
	do digits[n++] = (char)('0' + v % 10);
	while (v /= 10);
	len = n;
	while (n) *to++ = digits[--n];
	return len;
}

static uint32_t put_ipv4(char *to, const uint8_t *addr) {
	uint32_t n = 0;
	for (int i = 0; i < 4; i++) {
		if (i) to[n++] = '.';
		n += put_decimal(to + n, addr[i]);
	}
	return n;
}

/* put_ipv6 writes the groups that a prefix of 56 bits has, then "::". */
static uint32_t put_ipv6(char *to, const uint8_t *addr) {
	static const char hex[] = "0123456789abcdef";
	uint32_t n = 0, last = 8;
	while (last && !addr[2 * last - 1] && !addr[2 * last - 2]) last--;
	for (uint32_t i = 0; i < last; i++) {
		uint32_t group = (uint32_t)addr[2 * i] << 8 | addr[2 * i + 1], started = 0;
		for (int shift = 12; shift >= 0; shift -= 4) {
			uint32_t digit = group >> shift & 15;
			if (digit || started || !shift) to[n++] = hex[digit], started = 1;
		}
		to[n++] = ':';
	}
	if (!last) to[n++] = ':';
	to[n++] = ':';
	return n;
}

void namelet_handle(const nl_question *q, nl_answer *a) {
	nl_client_t client = {.size = sizeof client};
	char text[64] = {0};
	int32_t bits = nl_client(24, 56, &client);

	if (bits < 0) {
		a->failed = 1;
		return;
	}
	uint32_t n = 1 + (client.family == 4 ? put_ipv4(text + 1, client.addr) : put_ipv6(text + 1, client.addr));
	text[n++] = '/';
	n += put_decimal(text + n, (uint32_t)bits);
	text[0] = (char)(n - 1);

	if (q->qtype == NL_TXT)
		nl_rdata(a, NL_TXT, text, n);
	else if (q->qtype == NL_A && client.family == 4)
		nl_rdata(a, NL_A, client.addr, 4);
	else if (q->qtype == NL_AAAA && client.family == 6)
		nl_rdata(a, NL_AAAA, client.addr, 16);
	else
		nl_say(a, NL_SAY_NODATA);
}
