package rr_test

import (
	"testing"

	"github.com/namelet/namelet/rr"
)

func TestCheckRdata(t *testing.T) {
	const name = "\x01a\x00"
	tests := []struct {
		t    rr.Type
		data string
		ok   bool
	}{
		{rr.TypeA, "\xc0\x00\x02\x01", true},
		{rr.TypeA, "\xc0\x00\x02", false},
		{rr.TypeA, "\xc0\x00\x02\x01\x00", false},
		{rr.TypeAAAA, "0123456789abcdef", true},
		{rr.TypeAAAA, "0123456789abcde", false},
		{rr.TypeCNAME, name, true},
		{rr.TypeCNAME, "\x01a", false},
		{rr.TypeCNAME, "\xc0\x0c", false},
		{rr.TypeCNAME, name + "x", false},
		{rr.TypeMX, "\x00\x0a" + name, true},
		{rr.TypeMX, "\x00", false},
		{rr.TypeSRV, "\x00\x01\x00\x02\x00\x03" + name, true},
		{rr.TypeTXT, "\x02hi\x00", true},
		{rr.TypeTXT, "", false},
		{rr.TypeTXT, "\x03hi", false},
		{rr.TypeCAA, "\x00\x05issueca.example", true},
		{rr.TypeCAA, "\x00\x09issue", false},
		{rr.TypeHTTPS, "\x00\x01" + name + "\x00\x01\x00\x03\x02h2\x00\x03\x00\x02\x01\xbb", true},
		{rr.TypeHTTPS, "\x00\x01" + name + "\x00\x03\x00\x02\x01\xbb\x00\x01\x00\x03\x02h2", false},
		{rr.TypeHTTPS, "\x00\x01" + name + "\x00\x03\x00\x05\x01\xbb", false},
		{rr.TypeSOA, name + name + "01234567890123456789", true},
		{rr.TypeSOA, name + name + "0123456789012345678", false},
		{rr.Type(65280), "anything", true},
		{rr.Type(65280), string(make([]byte, 65536)), false},
	}
	for _, tt := range tests {
		if err := rr.CheckRdata(tt.t, tt.data); (err == nil) != tt.ok {
			t.Errorf("CheckRdata(%v, %q): got %v, want ok %v", tt.t, tt.data, err, tt.ok)
		}
	}
}
