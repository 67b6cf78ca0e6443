//go:build !unix

package trial

import "os"

func hold(string) (*os.File, error) { return nil, nil }

// unheld goes by age.
func unheld(dir string) bool { return aged(dir) }
