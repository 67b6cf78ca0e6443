package control

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/namelet/namelet/store"
)

// pathOpenAPI is where the description of the operations is.
const pathOpenAPI = "/v1/openapi.json"

// object is a value of JSON with names, which are written in the order of the alphabet.
type object = map[string]any

// describe registers the description of all routes that are registered by then, and of
// itself (OpenAPI 3.1.0).
func (rs *routes) describe() {
	r := route{path: pathOpenAPI, scope: store.MayRead, get: true, out: reflect.TypeFor[object](), summary: "Describe the operations"}
	text, err := json.MarshalIndent(document(append(rs.all[:len(rs.all):len(rs.all)], r)), "", "  ")
	if err != nil {
		panic(err) // it has texts only
	}
	rs.add(r, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typeJSON)
		_, _ = w.Write(text) // an error means that the client went away
	}))
}

// document describes routes.
func document(all []route) object {
	s := schemas{made: object{}, asked: map[reflect.Type]bool{}}
	for _, r := range all {
		if r.in != nil {
			s.ask(r.in)
		}
	}
	paths := object{}
	problem := s.of(reflect.TypeFor[Problem]())
	for _, r := range all {
		method := "post"
		if r.get {
			method = "get"
		}
		paths[r.path] = object{method: s.operation(r, problem)}
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Namelet control endpoint", "version": "1",
			"description": "What can be done to zones, records and guests. See docs/reference/control.md.",
		},
		"security": []any{object{"token": []any{}}, object{"certificate": []any{}}, object{}},
		"paths":    paths,
		"components": object{"schemas": s.made, "securitySchemes": object{
			"token":       object{"type": "http", "scheme": "bearer"},
			"certificate": object{"type": "mutualTLS"},
		}},
	}
}

// operation describes one route.
func (s *schemas) operation(r route, problem object) object {
	result := r.gives
	if result == "" {
		result = typeJSON
	}
	content := object{result: object{}}
	if r.out != nil {
		content[result] = object{"schema": s.of(r.out)}
	}
	if r.lines != nil {
		content[typeLines] = object{"schema": s.of(r.lines)}
	}
	id := object{"schema": object{"type": "string"}, "description": "the id of the request"}
	op := object{
		"operationId": strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(r.path, "/v1/"), ".json"), "/", "-"),
		"summary":     r.summary,
		"description": "Wants the scope " + r.scope.String() + ".",
		"x-scope":     r.scope.String(),
		"x-changes":   r.changes,
		"parameters": []any{object{
			"name": headerRequestID, "in": "header", "description": "the id that the request is to have",
			"schema": object{"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
		}},
		"responses": object{
			"200":     object{"description": "done", "headers": object{headerRequestID: id}, "content": content},
			"default": object{"description": "not done; see the code", "headers": object{headerRequestID: id}, "content": object{typeProblem: object{"schema": problem}}},
		},
	}
	if r.get {
		return op
	}
	in := object{"schema": s.of(r.in)}
	body := object{typeJSON: in}
	if r.inURL {
		body = object{r.takes: object{}}
		op["parameters"] = append(op["parameters"].([]any), object{
			"name": "request", "in": "query", "required": true, "content": object{typeJSON: in},
		})
	}
	op["requestBody"] = object{"required": true, "content": body, "description": "at most " + amount(r.most)}
	return op
}

// amount words a number of octets.
func amount(octets int64) string {
	text, _ := json.Marshal(octets)
	return string(text) + " bytes"
}

// schemas are those of named types, by their names.
type schemas struct {
	made  object
	asked map[reflect.Type]bool // in requests, where what is absent is a default
}

// ask notes the structs that a request has in it.
func (s *schemas) ask(t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		s.ask(t.Elem())
	case reflect.Struct:
		if s.asked[t] {
			return
		}
		s.asked[t] = true
		for _, field := range reflect.VisibleFields(t) {
			s.ask(field.Type)
		}
	}
}

// of is the schema of a type; that of a named struct stands apart.
func (s *schemas) of(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[time.Duration]():
		return object{"type": "integer", "description": "nanoseconds"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem())
	case reflect.Struct:
		return s.reference(t)
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "string", "contentEncoding": "base64"}
		}
		return object{"type": "array", "items": s.of(t.Elem())}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem())}
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	}
	return object{} // anything
}

func (s *schemas) reference(t reflect.Type) object {
	if t.Name() == "" {
		return s.structure(t)
	}
	if s.made[t.Name()] == nil {
		s.made[t.Name()] = object{} // a type may have itself in it
		s.made[t.Name()] = s.structure(t)
	}
	return object{"$ref": "#/components/schemas/" + t.Name()}
}

// structure is the schema of a struct, with the fields of those in it.
func (s *schemas) structure(t reflect.Type) object {
	properties, required := object{}, []any{}
	for _, field := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" && !field.Anonymous {
			name = field.Name
		}
		if name == "" || name == "-" || !field.IsExported() {
			continue
		}
		properties[name] = s.of(field.Type)
		if !s.asked[t] && !strings.Contains(options, "omitempty") && !strings.Contains(options, "omitzero") {
			required = append(required, name)
		}
	}
	made := object{"type": "object", "properties": properties}
	if s.asked[t] {
		made["additionalProperties"] = false // a result may come to have more
	}
	if len(required) > 0 {
		made["required"] = required
	}
	return made
}
