package runtime

import (
	"unicode/utf8"

	"github.com/namelet/namelet/hostabi"
)

// outputLog gathers what a guest writes to standard output and error, and gives whole lines to the
// guest's log.
type outputLog struct {
	line []byte
	tail []byte // the end of all output of the call, for a fault
}

// maxTail is how many bytes of output a fault shows.
const maxTail = 2048

func (o *outputLog) reset() { o.line, o.tail = o.line[:0], o.tail[:0] }

// write takes the next bytes. Output past the limits of the log is dropped.
func (o *outputLog) write(c *call, text []byte) {
	o.keepTail(text)
	for _, b := range text {
		if b == '\n' {
			o.flush(c)
			continue
		}
		if b < ' ' || b == 0x7f {
			b = ' '
		}
		if len(o.line) < hostabi.MaxLogLine {
			o.line = append(o.line, b)
		}
	}
}

func (o *outputLog) keepTail(text []byte) {
	if len(text) > maxTail {
		text = text[len(text)-maxTail:]
	}
	if over := len(o.tail) + len(text) - maxTail; over > 0 {
		o.tail = o.tail[:copy(o.tail, o.tail[over:])]
	}
	o.tail = append(o.tail, text...)
}

// flush gives the line to the log; lines count against the log's limit.
func (o *outputLog) flush(c *call) {
	if len(o.line) > 0 && c.logLines < hostabi.MaxLogLines {
		c.logLines++
		asText(o.line)
		c.sink.Log(hostabi.LogInfo, o.line)
	}
	o.line = o.line[:0]
}

// asText makes the line UTF-8: where it is not, all bytes outside ASCII become question marks.
func asText(line []byte) {
	if utf8.Valid(line) {
		return
	}
	for i, b := range line {
		if b >= utf8.RuneSelf {
			line[i] = '?'
		}
	}
}
