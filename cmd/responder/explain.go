package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/miekg/dns"

	"github.com/namelet/namelet/internal/control"
	"github.com/namelet/namelet/internal/dnsjson"
	"github.com/namelet/namelet/internal/frontend"
	"github.com/namelet/namelet/internal/frontend/cache"
	"github.com/namelet/namelet/internal/resolve"
)

// explainer answers queries for people who want to know how, by the parts of a running
// server.
type explainer struct {
	dns      *frontend.Server
	resolver *resolve.Resolver
	site     string
}

var standings = map[cache.Standing]string{cache.Absent: "absent", cache.Outdated: "outdated", cache.Kept: "kept"}

// explain implements control.Explain.
func (e *explainer) explain(ctx context.Context, q control.Explainable) (control.Explained, error) {
	m, err := queryMessage(q.Name, q.Type, q.DNSSEC, q.Client)
	if err != nil {
		return control.Explained{}, err
	}
	wire, err := m.Pack()
	if err != nil {
		return control.Explained{}, err
	}
	worker := e.resolver.NewExplainer()
	defer worker.Close()
	said, err := e.dns.Explain(ctx, worker, wire, q.From, q.Transport)
	if errors.Is(err, frontend.ErrUnasked) {
		return control.Explained{}, &control.Error{Code: control.CodeInvalid, Detail: "a query for type " + q.Type.String() + " is answered without looking anything up: " + err.Error()}
	}
	if err != nil {
		return control.Explained{}, err
	}
	made := control.Explained{
		Explanation: worker.Explanation(), Message: said.Message, Client: said.Believed, Keepable: said.Keepable, Site: e.site, Now: said.Now,
	}
	var response dns.Msg
	if err := response.Unpack(said.Message); err != nil {
		return made, fmt.Errorf("the response cannot be read: %w", err)
	}
	made.Response = dnsjson.FromMessage(&response)
	for _, c := range said.Caches {
		seen := control.ExplainedCache{Cache: c.Cache, State: "unknown"}
		if c.Told {
			seen.State, seen.Key, seen.Answers, seen.Size = standings[c.Standing], c.Inputs, c.Leaves, c.Size
		}
		made.Caches = append(made.Caches, seen)
	}
	return made, nil
}

// trace has a running server answer the query and say how.
func (p *program) trace(ctx context.Context, q control.QueryTraceRequest) error {
	server, err := p.runningHere(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	t, err := server.TraceQuery(ctx, q)
	if err != nil {
		return err
	}
	var response dns.Msg
	if err := response.Unpack(t.Message); err != nil {
		return fmt.Errorf("query: the response in the trace cannot be read: %w", err)
	}
	return p.print(t, func(w io.Writer) { writeTrace(w, &response, &t) })
}
