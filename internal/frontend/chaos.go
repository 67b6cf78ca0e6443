package frontend

import (
	"strings"

	"github.com/namelet/namelet/rr"
)

// The names that class CH is asked for (RFC 4892 section 2, and the custom that it
// describes), in wire form.
const (
	versionBind   = "\x07version\x04bind\x00"
	versionServer = "\x07version\x06server\x00"
	hostnameBind  = "\x08hostname\x04bind\x00"
	idServer      = "\x02id\x06server\x00"
)

// chaosText returns what a question in class CH is answered with; empty where it
// is not.
func (p *policy) chaosText(q *query) string {
	if q.qtype != rr.TypeTXT && q.qtype != rr.TypeANY {
		return ""
	}
	name := string(q.name())
	switch {
	case strings.EqualFold(name, versionBind), strings.EqualFold(name, versionServer):
		return p.VersionBind
	case strings.EqualFold(name, hostnameBind), strings.EqualFold(name, idServer):
		return p.IDServer
	}
	return ""
}

// ownBody packs what the server says of itself: a TXT record of the question's
// class, or none where the text is empty. Its TTL is 0: it is about this server and
// now.
func (p *packer) ownBody(q *query, text string) body {
	p.begin(q)
	if text == "" {
		p.finish(rr.RCodeNoError, true, false, [3]int{})
		return body{p.msg, 0}
	}
	p.msg = append(p.msg, 0xc0, headerLen, 0, byte(rr.TypeTXT), byte(q.qclass>>8), byte(q.qclass), 0, 0, 0, 0,
		byte((len(text)+1)>>8), byte(len(text)+1), byte(len(text)))
	p.msg = append(p.msg, text...)
	p.finish(rr.RCodeNoError, true, false, [3]int{1})
	return body{p.msg, 0}
}
