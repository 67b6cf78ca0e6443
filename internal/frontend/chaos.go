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

// chaosBody packs a TXT record of class CH. Its TTL is 0: it is about this server
// and now.
func (p *packer) chaosBody(q *query, text string) body {
	p.begin(q)
	p.msg = append(p.msg, 0xc0, headerLen, 0, byte(rr.TypeTXT), 0, byte(rr.ClassCH), 0, 0, 0, 0,
		byte((len(text)+1)>>8), byte(len(text)+1), byte(len(text)))
	p.msg = append(p.msg, text...)
	p.finish(rr.RCodeNoError, true, false, [3]int{1})
	return body{p.msg, 0}
}
