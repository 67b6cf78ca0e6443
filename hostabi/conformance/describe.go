package conformance

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/namelet/namelet/hostabi"
)

// Describe reads the vector's bytes with the codec of package hostabi and gives what it found in the
// words of [Vector.Fields], or the problem in the words of [Vector.Error].
func Describe(v Vector) (fields []string, problem string) {
	describe, ok := describers[v.Struct]
	if !ok {
		return nil, "no such struct"
	}
	fields, err := describe(v)
	var bad *hostabi.MalformedError
	if !errors.As(err, &bad) {
		return fields, ""
	}
	problem = bad.Problem.String()
	if bad.Entry >= 0 {
		problem += " entry=" + strconv.Itoa(bad.Entry)
	}
	return nil, problem
}

var describers = map[string]func(Vector) ([]string, error){
	"answer":         describeAnswer,
	"question":       describeQuestion,
	"config":         describeConfig,
	"buffers":        describeBuffers,
	"client":         describeClient,
	"lookup-request": describeLookupRequest,
	"rrset-info":     describeRRsetInfo,
	"rdata":          describeRdata,
}

func describeAnswer(v Vector) ([]string, error) {
	r, err := hostabi.ReadAnswer(v.Bytes)
	if err != nil {
		return nil, err
	}
	fields := []string{fmt.Sprintf("disposition=%v count=%d negative-ttl=%d", r.Disposition(), r.Count(), r.NegativeTTL())}
	var rec hostabi.RecordView
	for r.Next(&rec) {
		fields = append(fields, describeRecord(&rec))
	}
	return fields, r.Err()
}

func describeRecord(rec *hostabi.RecordView) string {
	ttl, owner := "-", "-"
	if rec.HasTTL {
		ttl = strconv.FormatUint(uint64(rec.TTL), 10)
	}
	if len(rec.Owner) > 0 {
		owner = fmt.Sprintf("%x", rec.Owner)
	}
	data := fmt.Sprintf("data=%x", rec.Data)
	if rec.Kind == hostabi.KindHandle {
		data = fmt.Sprintf("handle=%d", rec.Handle)
	}
	return fmt.Sprintf("record type=%d kind=%v ttl=%s owner=%s %s", uint16(rec.Type), rec.Kind, ttl, owner, data)
}

func describeQuestion(v Vector) ([]string, error) {
	var q hostabi.Question
	if err := hostabi.ParseQuestion(v.Bytes, &q); err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("qname=%x qtype=%d zone-off=%d attach-off=%d", q.QName, uint16(q.QType), q.ZoneOff, q.AttachOff)}, nil
}

func describeConfig(v Vector) ([]string, error) {
	c, err := hostabi.ParseConfig(v.Bytes)
	if err != nil {
		return nil, err
	}
	fields := []string{fmt.Sprintf("count=%d", c.Len())}
	for key, value := range c.All {
		fields = append(fields, fmt.Sprintf("value %x=%x", key, value))
	}
	return fields, nil
}

func describeBuffers(v Vector) ([]string, error) {
	memory, err := strconv.ParseUint(strings.TrimPrefix(v.Given, "memory="), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("conformance: vector %s: memory: %w", v.Name, err)
	}
	b, err := hostabi.ParseBuffers(v.Bytes, memory)
	if err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("in-ptr=%d in-cap=%d out-ptr=%d out-cap=%d", b.InPtr, b.InCap, b.OutPtr, b.OutCap)}, nil
}

func describeClient(v Vector) ([]string, error) {
	c, err := hostabi.ParseClient(v.Bytes)
	if err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("family=%d addr=%x", c.Family, c.Addr)}, nil
}

func describeLookupRequest(v Vector) ([]string, error) {
	r, size, err := hostabi.ParseLookupRequest(v.Bytes)
	if err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("name-ptr=%d name-len=%d type=%d flags=%d result=%d size=%d",
		r.NamePtr, r.NameLen, r.Type, r.Flags, r.Result, size)}, nil
}

func describeRRsetInfo(v Vector) ([]string, error) {
	s, err := hostabi.ParseRRsetInfo(v.Bytes)
	if err != nil {
		return nil, err
	}
	wildcard := "no"
	if s.Wildcard {
		wildcard = "yes"
	}
	return []string{fmt.Sprintf("type=%d wildcard=%s ttl=%d count=%d rdata-len=%d",
		uint16(s.Type), wildcard, s.TTL, s.Count, s.RdataLen)}, nil
}

func describeRdata(v Vector) ([]string, error) {
	var fields []string
	rest := v.Bytes
	for {
		rdata, after, ok := hostabi.NextRdata(rest)
		if !ok {
			break
		}
		fields = append(fields, fmt.Sprintf("rdata=%x", rdata))
		rest = after
	}
	if len(rest) > 0 {
		return nil, &hostabi.MalformedError{Struct: "rdata", Entry: len(fields), Problem: hostabi.ProblemShort}
	}
	return fields, nil
}
