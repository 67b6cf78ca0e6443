package sdk

import (
	"unsafe"

	"github.com/namelet/namelet/hostabi"
)

// bufferSize is the capacity in bytes of each of the two buffers that the guest shares with the host.
const bufferSize = 32 << 10

// guest is the state of the one guest in this program. It is static memory: nothing of it is
// allocated for a query.
var guest struct {
	in, out [bufferSize]byte
	handler func(*Query, *Answer)
	onInit  func(Config) error
	query   Query
	answer  Answer
}

// Handle registers the function that answers queries. Call it once, from init; a second call replaces
// the first.
//
// An answer to which the handler says nothing is Static. When it gave records and none was of the
// question's type, the answer is NODATA: a handler may say all it knows of a name and leave the choice
// to the SDK.
func Handle(handler func(q *Query, a *Answer)) { guest.handler = handler }

// OnInit registers a function that takes the configuration, once, before any query. An error refuses
// the configuration; its text goes to the host's log. A guest without it refuses any configuration
// that is not empty.
func OnInit(f func(Config) error) { guest.onInit = f }

// configure runs OnInit with the configuration that lies in b, and gives the result of namelet_init.
func configure(b []byte) int32 {
	raw, err := hostabi.ParseConfig(b)
	if err != nil {
		return int32(hostabi.StatusInvalid)
	}
	if guest.onInit == nil {
		if raw.Len() > 0 {
			Log(LogError, "this guest takes no configuration")
			return int32(hostabi.StatusInvalid)
		}
		return 0
	}
	if err := guest.onInit(Config{raw}); err != nil {
		Log(LogError, err.Error())
		return int32(hostabi.StatusInvalid)
	}
	return 0
}

// answer runs the handler for the question that lies in b, and gives the result of namelet_answer:
// the length of the answer in guest.out.
func answer(b []byte) int32 {
	q, a := &guest.query, &guest.answer
	if guest.handler == nil || !q.reset(b) {
		return int32(hostabi.StatusInvalid)
	}
	a.reset(q, guest.out[:])
	guest.handler(q, a)
	if q.failure != hostabi.StatusOK {
		return int32(q.failure)
	}
	return a.finish()
}

// view gives b as a string without a copy. It is valid while b is not written.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
