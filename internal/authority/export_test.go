package authority

// SetFewestLines gives small zones so many lines of slots that none is shared by
// chance, until undo is called.
func SetFewestLines(n int) (undo func()) {
	old := fewestLines
	fewestLines = n
	return func() { fewestLines = old }
}
