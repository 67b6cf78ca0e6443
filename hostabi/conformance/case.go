package conformance

// Setup is what a host must have before the questions of a suite: zones, and the guest attached to the
// first one's apex with grants and configuration.
type Setup struct {
	Zones  []Zone
	Apex   string            // of the zone the guest is attached to
	Grants []string          // apexes of further zones the guest may read
	Config map[string]string // the guest's configuration
	Site   string            // what the site import gives
}

// Zone is a zone in presentation form (RFC 1035 section 5). A private one is never answered from.
type Zone struct {
	Apex    string
	Text    string
	Private bool
}

// Inputs are the values that the host must give for one question.
type Inputs struct {
	Client    string // the client's whole address; its first IPv4 address of RFC 5737 when empty
	Transport string // udp, tcp, tls or https; udp when empty
	Picks     []int  // the k-th draw, modulo n; zero past the end
}

// Now is the time of every question, in seconds since 1970.
const Now = 1_700_000_000

// DefaultClient is the client of a question that names none.
const DefaultClient = "192.0.2.77"

// Case is one question and what a conforming pair of host and guest makes of it.
type Case struct {
	Name   string // the suite's name for it; by default the first label of QName
	QName  string
	QType  string
	Inputs Inputs
	Want   Reply
}

// Reply is what came of a question.
type Reply struct {
	// Failed says that the guest failed and the fallback answered: the other fields are then not
	// looked at.
	Failed bool

	// Outcome is NOERROR, NXDOMAIN or REFUSED; NOERROR without records is NODATA.
	Outcome string

	// Records are those of the answer section: owner in lower case, TTL, type and rdata in presentation
	// form, parted by one space, in any order. Character strings and values of SVCB parameters are in
	// quotes, names end in a dot.
	Records []string

	// NegativeTTL is, for a negative answer, how long in seconds it may be remembered (RFC 2308). In a
	// Case, zero says that it is not looked at.
	NegativeTTL uint32
}

// TheSetup is what both suites are asked against.
var TheSetup = Setup{
	Apex: "conformance.example.",
	Zones: []Zone{
		{Apex: "conformance.example.", Text: zoneText},
		{Apex: "granted.internal.", Private: true, Text: privateText},
		{Apex: "denied.internal.", Private: true, Text: privateText},
	},
	Grants: []string{"granted.internal."},
	Config: map[string]string{"a": "1"},
	Site:   "lab",
}

const zoneText = `$TTL 300
@             SOA ns.conformance.example. admin.conformance.example. 1 3600 600 86400 60
@             NS  ns
ns            A   192.0.2.53
host          A   192.0.2.1
host          A   192.0.2.2
alias         CNAME host
target        TXT "target"
*.wild        TXT "wild"
a.ent         TXT "below"
x.ent-nxdomain TXT "below"
sub           NS  ns.sub
ns.sub        A   192.0.2.54
say-static    TXT "static"
sdk-static    TXT "static"
`

const privateText = `$TTL 300
@    SOA ns.invalid. admin.invalid. 1 3600 600 86400 60
@    NS  ns.invalid.
host TXT "granted"
`

// experiment makes the case of an experiment that answers with one TXT record.
func experiment(name, seen string) Case {
	return answered(name, "60 TXT \""+seen+"\"")
}

// answered makes a case whose records are all the qname's, given without the owner.
func answered(name string, records ...string) Case {
	c := Case{Name: name, QName: name + ".conformance.example.", QType: "TXT", Want: Reply{Outcome: "NOERROR"}}
	for _, r := range records {
		c.Want.Records = append(c.Want.Records, c.QName+" "+r)
	}
	return c
}

// chained makes a case whose answer is a CNAME and what it leads to; records are whole.
func chained(name, cname string, records ...string) Case {
	c := answered(name, cname)
	c.Want.Records = append(c.Want.Records, records...)
	return c
}

func negative(name, outcome string) Case {
	return Case{Name: name, QName: name + ".conformance.example.", QType: "TXT", Want: Reply{Outcome: outcome}}
}

func failed(name string) Case {
	return Case{Name: name, QName: name + ".conformance.example.", QType: "TXT", Want: Reply{Failed: true}}
}

// of asks the case for another type.
func (c Case) of(qtype string) Case {
	c.QType = qtype
	c.Name += " " + qtype
	return c
}

// with asks the case with other inputs; what names the difference.
func (c Case) with(what string, in Inputs) Case {
	c.Inputs = in
	c.Name += " " + what
	return c
}
