// Package main is a guest for a platform whose customers' apps have names: for NAME.apps.example it
// finds in the private zone routes.internal what NAME is, and answers with the addresses of the router
// that serves it.
//
// A route is a TXT record at NAME.routes.internal:
//
//	shop  TXT  "router=eu-1 state=active"
//
// and a router's addresses are the A and AAAA records of ROUTER.routers.routes.internal. A state other
// than active makes the app's name vanish: NXDOMAIN. A name without a route is left to the zone's own
// data.
package main

import "github.com/namelet/namelet/sdk"

var (
	routes  = sdk.MustName("routes.internal")
	routers = sdk.MustName("routers.routes.internal")
)

func main() {}

func init() { sdk.Handle(route) }

func route(q *sdk.Query, a *sdk.Answer) {
	app, only := q.Sub()
	if !only {
		return // the apps' own zone, or something below an app: static
	}
	set, status := q.Lookup(q.Join(app, routes), sdk.TypeTXT)
	if status != sdk.StatusOK {
		return
	}
	rdata, _ := set.First()
	text := sdk.Text(rdata)
	if state, _ := sdk.Field(text, "state"); state != "active" {
		a.NXDomain()
		return
	}
	router, _ := sdk.Field(text, "router")
	a.From(q.Join(router, routers))
}
