// Package main is a guest that spreads queries over other names by weight. Its configuration gives
// each name, of the zone or a zone granted, a weight: {"blue.example": "9", "green.example": "1"}
// answers nine in ten with what blue.example has, of whatever type was asked for.
package main

import (
	"errors"
	"strconv"

	"github.com/namelet/namelet/sdk"
)

type target struct {
	name   sdk.Name
	weight int
}

var (
	targets []target
	total   int
)

func main() {}

func init() {
	sdk.OnInit(configure)
	sdk.Handle(func(q *sdk.Query, a *sdk.Answer) {
		draw := q.Pick(total)
		for _, t := range targets {
			if draw -= t.weight; draw < 0 {
				a.From(t.name)
				return
			}
		}
	})
}

// configure refuses a name or a weight that is none, and weights that do not add up to 1 to 65,536.
func configure(c sdk.Config) error {
	for key, value := range c.All {
		name, err := sdk.ParseName(key)
		if err != nil {
			return err
		}
		weight, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return err
		}
		targets = append(targets, target{name, int(weight)})
		total += int(weight)
	}
	if total < 1 || total > 65536 {
		return errors.New("weighted: the weights must add up to 1 to 65536")
	}
	return nil
}
