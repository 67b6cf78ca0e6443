// Package main is a guest whose every answer is dear: it hashes the qname many times over and answers
// with an address made of the hash. It reads nothing but the question, so that each answer can be kept.
// The measurements flood it with names that nobody asked for before.
package main

import "github.com/namelet/namelet/sdk"

const (
	turns  = 200
	offset = 14695981039346656037 // of FNV-1a
	prime  = 1099511628211
)

func main() {}

func init() { sdk.Handle(answer) }

func answer(q *sdk.Query, a *sdk.Answer) {
	hash, name := uint64(offset), q.Name().Wire()
	for range turns {
		for i := range len(name) {
			hash = (hash ^ uint64(name[i])) * prime
		}
	}
	a.A([4]byte{198, 18, byte(hash >> 8), byte(hash)})
}
