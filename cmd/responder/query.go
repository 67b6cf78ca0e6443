package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/dnsjson"
	"github.com/namelet/namelet/rr"
)

// queryOptions are the flags of query.
type queryOptions struct {
	server  string
	client  string
	tcp     bool
	dnssec  bool
	timeout time.Duration
	trace   bool
	from    string
	over    string
}

func (p *program) query() *cobra.Command {
	var o queryOptions
	cmd := &cobra.Command{
		Use:   "query NAME [TYPE]",
		Short: "Ask a server, by default the one that the configuration describes",
		Long: `Ask a server, by default the one that the configuration describes.

The response is printed as dig does, or with --json in the form of DNS over HTTPS in
JSON. A response that is truncated over UDP is asked for again over TCP. Any response
is a success, NXDOMAIN and SERVFAIL too; none is a failure.

With --trace the server computes the answer anew, through its control endpoint, and says how: which zone and
guest, what the guest read, looked up, logged and burnt, or how it failed, and whether an answer is kept for
such a query. That is no client's query: it is in no figures, and its answer is kept nowhere.`,
		Example: "  responder query shop.apps.example A\n  responder query www.example.com --server 127.0.0.1:5300 --client 198.51.100.0/24\n  responder query shop.apps.example A --trace --client 198.51.100.7",
		Args:    arguments(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := o.message(args)
			if err != nil {
				return misused(cmd, err)
			}
			if !o.trace && (cmd.Flags().Changed("from") || cmd.Flags().Changed("over")) {
				return misused(cmd, errors.New("--from and --over say where a query seems to come from: only --trace can do that"))
			}
			if o.timeout <= 0 {
				return misused(cmd, fmt.Errorf("--timeout %v: want more than 0", o.timeout))
			}
			if cmd.Flags().Changed("server") && o.server == "" {
				return misused(cmd, errors.New("--server: want HOST[:PORT]"))
			}
			if o.server == "" {
				o.server, err = p.config.answersOn()
			} else {
				o.server, err = serverAddress(o.server)
			}
			if err != nil {
				return misused(cmd, err)
			}
			if o.trace {
				return p.trace(cmd.Context(), o.traceRequest(m))
			}
			return p.ask(cmd.Context(), m, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.server, "server", "", "HOST[:PORT] to ask (default: the first address of --listen)")
	f.StringVar(&o.client, "client", "", "client subnet to send, as ADDRESS[/BITS] (RFC 7871)")
	f.BoolVar(&o.tcp, "tcp", false, "ask over TCP")
	f.BoolVar(&o.dnssec, "dnssec", false, "ask for DNSSEC records too")
	f.DurationVar(&o.timeout, "timeout", 3*time.Second, "how long to wait for a response")
	f.BoolVar(&o.trace, "trace", false, "have the server say how the answer comes about")
	f.StringVar(&o.from, "from", "", "with --trace: the `ADDRESS` that the query comes from (default: that of --client, else 127.0.0.1)")
	f.StringVar(&o.over, "over", "udp", "with --trace: the `TRANSPORT` that it comes by: udp, tcp, tls or https")
	cmd.MarkFlagsMutuallyExclusive("trace", "server")
	cmd.MarkFlagsMutuallyExclusive("trace", "timeout")
	cmd.MarkFlagsMutuallyExclusive("trace", "tcp")
	return cmd
}

// message makes the query.
func (o *queryOptions) message(args []string) (*dns.Msg, error) {
	name, err := rr.ParseName(args[0])
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", args[0], err)
	}
	t := rr.TypeA
	if len(args) > 1 {
		if t, err = rr.ParseType(args[1]); err != nil {
			return nil, fmt.Errorf("%q: %w", args[1], err)
		}
	}
	return queryMessage(name, t, o.dnssec, o.client)
}

// traceRequest asks for the explanation of the answer to a query.
func (o *queryOptions) traceRequest(m *dns.Msg) control.QueryTraceRequest {
	q := m.Question[0]
	return control.QueryTraceRequest{Name: q.Name, Type: rr.Type(q.Qtype).String(), From: o.from, Client: o.client, Transport: o.over, DNSSEC: o.dnssec}
}

// queryMessage makes a query; client is the client subnet, empty for none.
func queryMessage(name rr.Name, t rr.Type, dnssec bool, client string) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name.String(), uint16(t))
	m.RecursionDesired = false
	m.SetEdns0(dns.DefaultMsgSize, dnssec)
	if client != "" {
		subnet, err := clientSubnet(client)
		if err != nil {
			return nil, err
		}
		m.IsEdns0().Option = append(m.IsEdns0().Option, subnet)
	}
	return m, nil
}

// clientSubnet makes the option of RFC 7871 section 6 from an address, with or
// without the length of a prefix.
func clientSubnet(s string) (*dns.EDNS0_SUBNET, error) {
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return nil, fmt.Errorf("client subnet %q: want ADDRESS or ADDRESS/BITS", s)
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	option := &dns.EDNS0_SUBNET{
		Code:          dns.EDNS0SUBNET,
		Family:        1,
		SourceNetmask: uint8(prefix.Bits()),
		Address:       prefix.Masked().Addr().AsSlice(),
	}
	if prefix.Addr().Is6() {
		option.Family = 2
	}
	return option, nil
}

// serverAddress reads HOST[:PORT]; an IPv6 address without a port may stand in
// brackets or not.
func serverAddress(text string) (string, error) {
	wrong := fmt.Errorf("--server %q: want HOST[:PORT]", text)
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, "53"
		if inner, ok := strings.CutPrefix(text, "["); ok {
			if host, ok = strings.CutSuffix(inner, "]"); !ok {
				return "", wrong
			}
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, "[] \t/") {
		return "", wrong
	}
	if _, err := netip.ParseAddr(host); err != nil && strings.Contains(host, ":") {
		return "", wrong
	}
	return net.JoinHostPort(host, port), nil
}

// ask sends the query and prints the response.
func (p *program) ask(ctx context.Context, m *dns.Msg, o queryOptions) error {
	server := o.server
	client := &dns.Client{Timeout: o.timeout, UDPSize: dns.DefaultMsgSize}
	if o.tcp {
		client.Net = "tcp"
	}
	response, took, err := client.ExchangeContext(ctx, m, server)
	if err == nil && response.Truncated && !o.tcp {
		client.Net = "tcp"
		response, took, err = client.ExchangeContext(ctx, m, server)
	}
	if err != nil {
		return askError(server, err)
	}
	transport := "UDP"
	if client.Net == "tcp" {
		transport = "TCP"
	}
	return p.print(dnsjson.FromMessage(response), func(w io.Writer) {
		fmt.Fprintf(w, "%s\n;; Query time: %s\n;; SERVER: %s (%s)\n", strings.TrimSpace(response.String()), took.Round(time.Microsecond), server, transport)
	})
}

// askError says in few words why there is no response.
func askError(server string, err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("query: %s does not answer", server)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("query: %s: %w", server, op.Err)
	}
	return fmt.Errorf("query: %s: %w", server, err)
}
