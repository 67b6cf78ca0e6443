package runtime

import (
	"context"
	"encoding/binary"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/namelet/namelet/runtime/internal/inspect"
	"github.com/namelet/namelet/runtime/internal/wasm"
)

// A guest built with a standard library needs a few functions of WASI preview 1 to start; none of
// them gives it anything (SPEC.md section 7). The error numbers that they give:
const (
	wasiOK    = 0
	wasiBadf  = 8
	wasiInval = 28
	wasiNosys = 52
	wasiSpipe = 70
)

// The virtual clock begins at 2000-01-01 and moves only when a guest sleeps.
const wasiEpoch = 946684800 * 1_000_000_000

// wasiState is what the functions remember. It is part of an instance's picture.
type wasiState struct {
	random uint64 // state of the generator behind random_get
	slept  uint64 // nanoseconds
}

// next is one step of the SplitMix64 generator.
func (s *wasiState) next() uint64 {
	s.random += 0x9e3779b97f4a7c15
	z := s.random
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// A wasiFunc does what a function does, and gives its error number.
type wasiFunc func(c *call, args []uint64) uint64

// wasiFuncs are the functions that do something. All others that a module may import are about files
// and sockets, which do not exist: they give the error of a bad descriptor.
var wasiFuncs = map[string]wasiFunc{
	"args_get":            wasiNothing,
	"args_sizes_get":      wasiNoStrings,
	"environ_get":         wasiNothing,
	"environ_sizes_get":   wasiNoStrings,
	"clock_res_get":       wasiClockRes,
	"clock_time_get":      wasiClockTime,
	"random_get":          wasiRandom,
	"sched_yield":         wasiNothing,
	"poll_oneoff":         wasiPoll,
	"fd_write":            wasiWrite,
	"fd_read":             wasiRead,
	"fd_seek":             wasiSeek,
	"fd_fdstat_get":       wasiFdstat,
	"fd_fdstat_set_flags": wasiStandard,
	"fd_close":            wasiStandard,
}

// defineWASI puts the module into r.
func defineWASI(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(inspect.WASIModule)
	for _, name := range inspect.WASIFunctions() {
		t := inspect.WASIType(name)
		b.NewFunctionBuilder().
			WithGoModuleFunction(enterWASI(name), wasiTypes(t.Params), wasiTypes(t.Results)).
			Export(name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

func enterWASI(name string) api.GoModuleFunc {
	if name == "proc_exit" {
		return enter(wasiExit)
	}
	run, ok := wasiFuncs[name]
	if !ok {
		run = wasiBadDescriptor
	}
	return enter(func(c *call, args []uint64) { args[0] = run(c, args) })
}

func wasiTypes(types []wasm.ValueType) []api.ValueType {
	out := make([]api.ValueType, len(types))
	for i, t := range types {
		out[i] = api.ValueType(t)
	}
	return out
}

func wasiNothing(*call, []uint64) uint64       { return wasiOK }
func wasiBadDescriptor(*call, []uint64) uint64 { return wasiBadf }

// (fd, offset, whence, position_ptr): the standard descriptors are streams.
func wasiSeek(_ *call, args []uint64) uint64 {
	if uint32(args[0]) > 2 {
		return wasiBadf
	}
	return wasiSpipe
}

// put32 and put64 write an integer at ptr; outside memory they end the call.
func (c *call) put32(ptr, v uint32) { binary.LittleEndian.PutUint32(c.view(ptr, 4), v) }
func (c *call) put64(ptr uint32, v uint64) {
	binary.LittleEndian.PutUint64(c.view(ptr, 8), v)
}

// (count_ptr, size_ptr): there are no arguments and no environment.
func wasiNoStrings(c *call, args []uint64) uint64 {
	c.put32(uint32(args[0]), 0)
	c.put32(uint32(args[1]), 0)
	return wasiOK
}

// (clock, resolution_ptr)
func wasiClockRes(c *call, args []uint64) uint64 {
	if uint32(args[0]) > 1 {
		return wasiInval
	}
	c.put64(uint32(args[1]), 1)
	return wasiOK
}

// (clock, precision, time_ptr): wall clock and monotonic clock are the same virtual one.
func wasiClockTime(c *call, args []uint64) uint64 {
	if uint32(args[0]) > 1 {
		return wasiInval
	}
	c.put64(uint32(args[2]), wasiEpoch+c.wasi.slept)
	return wasiOK
}

// (buf, len): the same bytes for every instance.
func wasiRandom(c *call, args []uint64) uint64 {
	n := uint32(args[1])
	c.charge(uint64(n) / 8)
	out := c.view(uint32(args[0]), n)
	for len(out) >= 8 {
		binary.LittleEndian.PutUint64(out, c.wasi.next())
		out = out[8:]
	}
	if len(out) > 0 {
		var last [8]byte
		binary.LittleEndian.PutUint64(last[:], c.wasi.next())
		copy(out, last[:])
	}
	return wasiOK
}

// Sizes and offsets of the structs of poll_oneoff.
const (
	subscriptionSize = 48 // userdata u64, tag u8 at 8, clock id u32 at 16, timeout u64 at 24, flags u16 at 40
	eventSize        = 32 // userdata u64, errno u16 at 8, type u8 at 10
	maxPolled        = 64
)

// (subscriptions, events, count, stored_ptr): clocks expire at once, and the virtual clock moves on
// by the least of them; a descriptor is never ready.
func wasiPoll(c *call, args []uint64) uint64 {
	in, out, count := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if count == 0 || count > maxPolled {
		return wasiInval
	}
	c.charge(uint64(count) * fuelInput)
	subscriptions, events := c.view(in, count*subscriptionSize), c.view(out, count*eventSize)
	stored, least := uint32(0), ^uint64(0)
	for ; len(subscriptions) > 0; subscriptions = subscriptions[subscriptionSize:] {
		if subscriptions[8] != 0 {
			continue
		}
		var event [eventSize]byte
		copy(event[:8], subscriptions[:8])
		least = min(least, c.timeout(subscriptions))
		copy(events[stored*eventSize:], event[:])
		stored++
	}
	if stored == 0 {
		return wasiNosys
	}
	c.wasi.slept = min(c.wasi.slept+least, mostSlept)
	c.put32(uint32(args[3]), stored)
	return wasiOK
}

// mostSlept is how far the virtual clock goes, in nanoseconds: a hundred years.
const mostSlept = 100 * 365 * 86400 * 1_000_000_000

// timeout gives how far a clock subscription lies ahead, in nanoseconds, at most mostSlept.
func (c *call) timeout(subscription []byte) uint64 {
	t := binary.LittleEndian.Uint64(subscription[24:])
	if absolute := subscription[40]&1 != 0; absolute {
		now := wasiEpoch + c.wasi.slept
		t = max(t, now) - now
	}
	return min(t, mostSlept)
}

// (fd, iovs, iovs_len, nwritten_ptr): standard output and error go to the guest's log.
func wasiWrite(c *call, args []uint64) uint64 {
	fd, iovs, count := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if fd != 1 && fd != 2 {
		return wasiBadf
	}
	if count > 1024 {
		return wasiInval
	}
	total := uint64(0)
	vectors := c.view(iovs, count*8)
	for ; len(vectors) > 0; vectors = vectors[8:] {
		text := c.view(binary.LittleEndian.Uint32(vectors), binary.LittleEndian.Uint32(vectors[4:]))
		c.charge(1 + uint64(len(text)))
		total += uint64(len(text))
		c.output.write(c, text)
	}
	c.put32(uint32(args[3]), uint32(total))
	return wasiOK
}

// (fd, iovs, iovs_len, nread_ptr): standard input is at its end.
func wasiRead(c *call, args []uint64) uint64 {
	if uint32(args[0]) != 0 {
		return wasiBadf
	}
	c.put32(uint32(args[3]), 0)
	return wasiOK
}

// (fd, stat_ptr): the three standard descriptors are character devices without rights to share.
func wasiFdstat(c *call, args []uint64) uint64 {
	if uint32(args[0]) > 2 {
		return wasiBadf
	}
	stat := c.view(uint32(args[1]), 24)
	clear(stat)
	stat[0] = 2 // character device
	binary.LittleEndian.PutUint64(stat[8:], 1<<1|1<<6)
	return wasiOK
}

// (fd, ...): succeeds for the standard descriptors and does nothing.
func wasiStandard(_ *call, args []uint64) uint64 {
	if uint32(args[0]) > 2 {
		return wasiBadf
	}
	return wasiOK
}

// (code): ends the guest's call.
func wasiExit(c *call, args []uint64) {
	code := int32(uint32(args[0]))
	c.fault = &Fault{Kind: FaultExit, Message: "the guest exited", Status: code}
	panic(hostTrap{})
}
