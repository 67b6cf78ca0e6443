package control

import (
	"context"
	"net"
	"strconv"
)

// peer is the process at the other end of a unix socket.
type peer struct {
	uid   uint32
	known bool // some systems do not tell
}

func (p *peer) name() string {
	if !p.known {
		return "a user of this machine"
	}
	return "user id " + strconv.FormatUint(uint64(p.uid), 10)
}

type peerKey struct{}

// withPeer notes who is at the other end of a unix socket.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	socket, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	p := peer{}
	p.uid, p.known = peerUID(socket)
	return context.WithValue(ctx, peerKey{}, &p)
}

// peerOf returns who is at the other end of a unix socket; nil where there is none.
func peerOf(ctx context.Context) *peer {
	p, _ := ctx.Value(peerKey{}).(*peer)
	return p
}
