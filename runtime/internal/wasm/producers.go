package wasm

// ProducersSection is the name of the custom section in which tools leave their names and versions
// (tool conventions, Producers.md).
const ProducersSection = "producers"

// DecodeProducers reads a producers section: for each field the names, each with its version. It is
// false if the section is malformed.
func DecodeProducers(b []byte) (map[string][]string, bool) {
	const most = 64 // fields, and values of a field
	r := reader{b: b}
	fields := map[string][]string{}
	for range r.count("fields", most) {
		field := r.name(most)
		for range r.count("values", most) {
			name, version := r.name(1<<10), r.name(1<<10)
			if version != "" {
				name += " " + version
			}
			fields[field] = append(fields[field], name)
		}
	}
	return fields, r.err == nil && r.left() == 0
}
