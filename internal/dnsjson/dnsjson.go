// Package dnsjson writes DNS messages as public resolvers do in JSON over HTTPS:
// Status, the header's flags, and the sections with names, type numbers, TTLs in
// seconds and rdata as zone files have it.
//
// FromMessage makes a [Response] of a message, which encoding/json writes. The
// frontend and the query command share it, so that scripts read one form
// everywhere. AA, Additional and the extended errors' Comment are more than some
// resolvers give.
package dnsjson

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/rr"
	"github.com/namelet/namelet/store/zonefile"
)

// ContentType is the media type of a Response in JSON.
const ContentType = "application/dns-json"

// Response is a response message.
type Response struct {
	Status     int // the response code, with the upper bits of EDNS
	TC         bool
	RD         bool
	RA         bool
	AD         bool
	CD         bool
	AA         bool
	Question   []Question
	Answer     []Record `json:",omitempty"`
	Authority  []Record `json:",omitempty"`
	Additional []Record `json:",omitempty"`                   // without OPT, which is no record
	Subnet     string   `json:"edns_client_subnet,omitempty"` // ADDRESS/SCOPE (RFC 7871)
	Comment    string   `json:",omitempty"`                   // of extended errors (RFC 8914)
}

// Question is an entry of the question section.
type Question struct {
	Name string `json:"name"`
	Type uint16 `json:"type"`
}

// Record is a record of any section.
type Record struct {
	Name string `json:"name"`
	Type uint16 `json:"type"`
	TTL  uint32
	Data string `json:"data"`
}

// FromMessage returns what m says.
func FromMessage(m *dns.Msg) Response {
	r := Response{
		Status: m.Rcode, TC: m.Truncated, RD: m.RecursionDesired, RA: m.RecursionAvailable,
		AD: m.AuthenticatedData, CD: m.CheckingDisabled, AA: m.Authoritative,
		Answer: records(m.Answer), Authority: records(m.Ns), Additional: records(m.Extra),
	}
	for _, q := range m.Question {
		r.Question = append(r.Question, Question{Name: q.Name, Type: q.Qtype})
	}
	opt := m.IsEdns0()
	if opt == nil {
		return r
	}
	var comments []string
	for _, option := range opt.Option {
		switch option := option.(type) {
		case *dns.EDNS0_SUBNET:
			r.Subnet = fmt.Sprintf("%s/%d", option.Address, option.SourceScope)
		case *dns.EDNS0_EDE:
			comments = append(comments, comment(option))
		}
	}
	r.Comment = strings.Join(comments, "; ")
	return r
}

// comment gives an extended error as code, meaning where it is a known one, and
// text where there is any.
func comment(e *dns.EDNS0_EDE) string {
	s := strconv.Itoa(int(e.InfoCode))
	if meaning := dns.ExtendedErrorCodeToString[e.InfoCode]; meaning != "" {
		s += " (" + meaning + ")"
	}
	if e.ExtraText != "" {
		s += ": " + e.ExtraText
	}
	return s
}

func records(section []dns.RR) []Record {
	var all []Record
	for _, record := range section {
		h := record.Header()
		if h.Rrtype == dns.TypeOPT {
			continue
		}
		all = append(all, Record{Name: h.Name, Type: h.Rrtype, TTL: h.Ttl, Data: data(record)})
	}
	return all
}

// data gives rdata as zone files have it.
func data(record dns.RR) string {
	wire := make([]byte, dns.Len(record))
	named := dns.Copy(record)
	named.Header().Name = "."
	end, err := dns.PackRR(named, wire, 0, nil, false)
	const head = 1 + 10 // the root's name, type, class, TTL and rdlength
	if err != nil || end < head {
		return strings.TrimPrefix(record.String(), record.Header().String())
	}
	return zonefile.FormatRdata(rr.Type(record.Header().Rrtype), string(wire[head:end]))
}
