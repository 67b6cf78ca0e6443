// Package main is a guest that spreads queries over other names by weight. Its configuration gives
// each name, of the zone or a zone granted, a weight: {"blue.example": "9", "green.example": "1"}
// answers nine in ten with what blue.example has, of whatever type was asked for.
package main

import "github.com/namelet/namelet/sdk"

var targets sdk.Weights

func main() {}

func init() {
	sdk.OnInit(targets.Configure)
	sdk.Handle(func(q *sdk.Query, a *sdk.Answer) { a.From(targets.Pick(q)) })
}
