package tap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
)

// outputTime is how long a connection may take for each step: to be made, to agree
// on what is sent, to take a frame.
const outputTime = 5 * time.Second

// contentType is what dnstap calls its frames.
var contentType = []byte("protobuf:dnstap.Dnstap")

// ErrAddress is the error of an address that is none.
var ErrAddress = errors.New("tap: want unix:PATH, tcp:HOST:PORT or file:PATH")

// address is where frames go.
type address struct{ kind, place string }

// parseAddress reads unix:PATH, tcp:HOST:PORT or file:PATH. The error wraps
// ErrAddress.
func parseAddress(text string) (address, error) {
	kind, place, _ := strings.Cut(text, ":")
	a := address{kind, place}
	switch {
	case place == "":
	case kind == "unix" || kind == "file":
		return a, nil
	case kind == "tcp":
		if _, port, err := net.SplitHostPort(place); err == nil && port != "" {
			return a, nil
		}
	}
	return address{}, fmt.Errorf("%w, got %q", ErrAddress, text)
}

// stream is an open stream of frames.
type stream struct {
	*framestream.Writer
	under io.Closer
}

// open begins a stream. Over a socket both sides say what they can do first; a file
// just begins.
func (a address) open(ctx context.Context) (*stream, error) {
	options := &framestream.WriterOptions{ContentTypes: [][]byte{contentType}, Timeout: outputTime}
	var under io.WriteCloser
	var err error
	if a.kind == "file" {
		under, err = createFile(a.place)
	} else {
		options.Bidirectional = true
		under, err = (&net.Dialer{Timeout: outputTime}).DialContext(ctx, a.kind, a.place)
	}
	if err != nil {
		return nil, err
	}
	w, err := framestream.NewWriter(under, options)
	if err != nil {
		under.Close()
		return nil, err
	}
	return &stream{w, under}, nil
}

// close ends the stream as its form has it.
func (s *stream) close() error { return errors.Join(s.Writer.Close(), s.under.Close()) }

// createFile makes a new file. One that is there is a stream that has come to its end,
// which nothing can be added to: it is moved aside.
func createFile(path string) (*os.File, error) {
	create := func() (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640) }
	f, err := create()
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return os.OpenFile(path, os.O_WRONLY, 0)
	}
	if err := os.Rename(path, path+"."+time.Now().UTC().Format("20060102T150405.000000Z")); err != nil {
		return nil, err
	}
	return create()
}
