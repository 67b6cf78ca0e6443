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
	"syscall"
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

// open begins a stream. Over a socket both sides say what they can do first, in time
// and while ctx lasts; a file just begins.
func (a address) open(ctx context.Context) (*stream, error) {
	ctx, cancel := context.WithTimeout(ctx, outputTime)
	defer cancel()
	options := &framestream.WriterOptions{ContentTypes: [][]byte{contentType}, Timeout: outputTime}
	var under io.WriteCloser
	var err error
	if a.kind == "file" {
		under, err = createFile(a.place)
	} else {
		options.Bidirectional = true
		under, err = new(net.Dialer).DialContext(ctx, a.kind, a.place)
	}
	if err != nil {
		return nil, err
	}
	inTime := context.AfterFunc(ctx, func() { under.Close() })
	w, err := framestream.NewWriter(under, options)
	if !inTime() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		under.Close()
		return nil, fmt.Errorf("tap: begin the stream: %w", err)
	}
	return &stream{w, under}, nil
}

// close ends the stream as its form has it, in the time that there is for that.
func (s *stream) close(within time.Duration) error {
	late := time.AfterFunc(within, func() { s.under.Close() })
	err := s.Writer.Close()
	if !late.Stop() {
		return fmt.Errorf("tap: end the stream: not within %v", within)
	}
	return errors.Join(err, s.under.Close())
}

// file is one that takes each write in time or fails: a pipe that nobody empties. The
// files of a disk have no such limit.
type file struct{ *os.File }

func (f file) Write(b []byte) (int, error) {
	if err := f.SetWriteDeadline(time.Now().Add(outputTime)); err != nil && !errors.Is(err, os.ErrNoDeadline) {
		return 0, err
	}
	return f.File.Write(b)
}

// createFile makes a new file. One that is there is a stream that has come to its end,
// which nothing can be added to: it is moved aside, unless it has nothing, as where the
// disk was full. A pipe or a device is opened, and a pipe that nobody reads is an error.
func createFile(path string) (f file, err error) {
	create := func() (err error) {
		f.File, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
		return err
	}
	if err = create(); !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	link, err := os.Lstat(path)
	if err != nil {
		return f, err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return f, err
	case !info.Mode().IsRegular():
		f.File, err = os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		return f, err
	case !link.Mode().IsRegular():
		return f, fmt.Errorf("tap: %s is a link to a file, which would be written over: name the file", path)
	case info.Size() == 0:
		f.File, err = os.OpenFile(path, os.O_WRONLY, 0)
		return f, err
	}
	if err := os.Rename(path, path+"."+time.Now().UTC().Format("20060102T150405.000000Z")); err != nil {
		return f, err
	}
	return f, create()
}
