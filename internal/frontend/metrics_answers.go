package frontend

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/namelet/namelet/hostabi"
	"github.com/namelet/namelet/internal/resolve"
	"github.com/namelet/namelet/rr"
)

// rcodes are the response codes with a label of their own; all others count as
// "other".
const rcodes = 24

// countedTypes are the types with a label of their own: what clients ask for, and
// what tells of trouble. All others count as "other", so that nobody makes series by
// asking for each of 65,536.
var countedTypes = [...]rr.Type{
	rr.TypeA, rr.TypeAAAA, rr.TypeANY, rr.TypeAXFR, rr.TypeCAA, rr.TypeCDNSKEY, rr.TypeCDS, rr.TypeCNAME, rr.TypeDNAME,
	rr.TypeDNSKEY, rr.TypeDS, rr.TypeHTTPS, rr.TypeIXFR, rr.TypeMX, rr.TypeNAPTR, rr.TypeNS, rr.TypeNSEC, rr.TypeNSEC3PARAM,
	rr.TypePTR, rr.TypeRRSIG, rr.TypeSOA, rr.TypeSRV, rr.TypeSSHFP, rr.TypeSVCB, rr.TypeTLSA, rr.TypeTXT, rr.TypeURI,
}

// The indexes of types. Those above otherType are of countedTypes.
const (
	noType = iota // there is no question
	otherType
	typeLabels = otherType + 1 + len(countedTypes)
)

// typeOfA is the index of the type that is asked for most.
const typeOfA = otherType + 1

// typeIndexes gives the index of each type up to the greatest of countedTypes, 0
// for those that have none of their own.
var typeIndexes = func() (indexes [512]uint8) {
	for i, t := range countedTypes {
		indexes[t] = uint8(otherType + 1 + i)
	}
	return indexes
}()

func typeIndex(q *query) int {
	if len(q.question) == 0 {
		return noType
	}
	if int(q.qtype) < len(typeIndexes) {
		return max(int(typeIndexes[q.qtype]), otherType)
	}
	return otherType
}

func typeLabel(index int) string {
	switch index {
	case noType:
		return "none"
	case otherType:
		return "other"
	}
	return countedTypes[index-otherType-1].String()
}

func rcodeLabel(code int) string {
	if code == rcodes {
		return "other"
	}
	return rr.RCode(code).String()
}

// answers counts responses by type and response code. It is written by one
// goroutine.
type answers [typeLabels][rcodes + 1]counter

// of returns the answers of a class. Most responders see one or two classes of the
// four, so a table is made with the first answer. Only the goroutine that counts
// calls it.
func (c *counters) of(class resolve.Class) *answers {
	a := c.answered[class].Load()
	if a == nil {
		a = new(answers)
		c.answered[class].Store(a)
	}
	return a
}

// answerTotals are the sums of answers, by class.
type answerTotals [resolve.Classes][typeLabels][rcodes + 1]uint64

func (t *answerTotals) add(c *counters) {
	for class := range t {
		a := c.answered[class].Load()
		if a == nil {
			continue
		}
		for i := range a {
			for code := range a[i] {
				t[class][i][code] += a[i][code].n.Load()
			}
		}
	}
}

// collect sends what has been counted at all, and of UDP one count from the beginning:
// of a server that nobody has asked there is to be a rate, and not none, for the alert
// that says so and for whoever scales by it.
func (t *answerTotals) collect(ch chan<- prometheus.Metric, transport string) {
	for class := range t {
		for i := range t[class] {
			for code, n := range t[class][i] {
				first := transport == hostabi.TransportUDP.String() && class == int(resolve.ClassStatic) && i == typeOfA && code == int(rr.RCodeNoError)
				if n > 0 || first {
					ch <- prometheus.MustNewConstMetric(descQueries, prometheus.CounterValue, float64(n),
						transport, resolve.Class(class).String(), typeLabel(i), rcodeLabel(code))
				}
			}
		}
	}
}
