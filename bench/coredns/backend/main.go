// Command backend decides answers for CoreDNS's grpc plugin, as guests/apps decides them for ours: for
// NAME.apps.example it finds the route of NAME and answers with its router's addresses, from maps in
// memory. It does the least that such a backend has to: it unpacks a message and packs another.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/coredns/coredns/pb"
	"github.com/miekg/dns"
	"google.golang.org/grpc"
)

const (
	apex    = "apps.example."
	routers = 16
	ttl     = 300
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "address to listen on")
	names := flag.Int("names", 10_000, "number of apps")
	flag.Parse()
	if err := serve(*address, *names); err != nil {
		log.Fatal(err)
	}
}

func serve(address string, names int) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	pb.RegisterDnsServiceServer(server, newBackend(names))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, server.Stop)
	return server.Serve(listener)
}

// backend knows the router of each app and the addresses of each router. It is not written to once made.
type backend struct {
	pb.UnimplementedDnsServiceServer
	routes  map[string]string
	routers map[string][]net.IP
	soa     dns.RR
}

func newBackend(names int) *backend {
	b := &backend{routes: make(map[string]string), routers: make(map[string][]net.IP)}
	for i := range names {
		b.routes[fmt.Sprintf("n%07d", i)] = fmt.Sprintf("r%d", i%routers)
	}
	for r := range routers {
		b.routers[fmt.Sprintf("r%d", r)] = []net.IP{net.IPv4(192, 0, 2, byte(r+1)), net.IPv4(198, 51, 100, byte(r+1))}
	}
	b.soa = &dns.SOA{
		Hdr: dns.RR_Header{Name: apex, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
		Ns:  "ns1." + apex, Mbox: "hostmaster." + apex, Serial: 1, Refresh: 3600, Retry: 600, Expire: 604800, Minttl: 60,
	}
	return b
}

// Query implements pb.DnsServiceServer.
func (b *backend) Query(_ context.Context, packet *pb.DnsPacket) (*pb.DnsPacket, error) {
	query, response := new(dns.Msg), new(dns.Msg)
	if err := query.Unpack(packet.Msg); err != nil {
		return nil, err
	}
	response.SetReply(query)
	response.Authoritative = true
	b.answer(response)
	packed, err := response.Pack()
	return &pb.DnsPacket{Msg: packed}, err
}

// answer fills in what the question asks for.
func (b *backend) answer(m *dns.Msg) {
	if len(m.Question) != 1 {
		m.Rcode = dns.RcodeFormatError
		return
	}
	q := m.Question[0]
	app, ok := strings.CutSuffix(strings.ToLower(q.Name), "."+apex)
	router, found := b.routes[app]
	switch {
	case ok && found && q.Qtype == dns.TypeA:
		for _, ip := range b.routers[router] {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: ttl}, A: ip})
		}
		return
	case !found:
		m.Rcode = dns.RcodeNameError
	}
	m.Ns = []dns.RR{b.soa}
}
