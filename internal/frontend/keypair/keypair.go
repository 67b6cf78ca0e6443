// Package keypair holds the certificate of a server and takes up a new one when
// its files change, so that a renewal needs no restart.
//
// Open reads the files, [Pair.Certificate] is for tls.Config.GetCertificate, and
// [Pair.Watch] looks at the files from time to time. A pair that cannot be read,
// or whose halves do not belong together, is logged and changes nothing.
//
// A Pair is safe for concurrent use.
package keypair

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Period is how often Watch looks at the files.
	Period = 3 * time.Second

	// handshakePeriod is how often handshakes make a Pair look at the files at
	// most.
	handshakePeriod = time.Second
)

// Pair is a certificate chain with its key, as two PEM files have it.
type Pair struct {
	certFile, keyFile string
	log               *slog.Logger

	current atomic.Pointer[tls.Certificate]
	looked  atomic.Int64 // when the files were looked at, in Unix nanoseconds
	bad     atomic.Bool  // the files are not what is in use

	mu   sync.Mutex
	seen state // of the files that were read last
}

// state is what both files were when they were looked at; the zero value is that
// of files that are not there.
type state [2]os.FileInfo

// equal reports whether nothing has happened to the files in between.
func (s state) equal(t state) bool {
	for i := range s {
		if s[i] == nil || t[i] == nil {
			if s[i] != t[i] {
				return false
			}
			continue
		}
		if !os.SameFile(s[i], t[i]) || s[i].Size() != t[i].Size() || !s[i].ModTime().Equal(t[i].ModTime()) {
			return false
		}
	}
	return true
}

// Open reads a certificate chain and its key. The error names the file.
func Open(certFile, keyFile string, log *slog.Logger) (*Pair, error) {
	p := &Pair{certFile: certFile, keyFile: keyFile, log: log}
	seen, err := p.look()
	if err != nil {
		return nil, fmt.Errorf("keypair: %w", err)
	}
	certificate, err := p.load()
	if err != nil {
		return nil, err
	}
	p.seen = seen
	p.current.Store(certificate)
	p.looked.Store(time.Now().UnixNano())
	return p, nil
}

// Certificate returns the certificate in use, whatever name the client asks for.
// It has the signature of tls.Config.GetCertificate. It looks at the files where
// nobody has for a second.
func (p *Pair) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := time.Now().UnixNano()
	if last := p.looked.Load(); now-last >= int64(handshakePeriod) && p.looked.CompareAndSwap(last, now) {
		p.Check()
	}
	return p.current.Load(), nil
}

// Expires returns when the certificate in use ends.
func (p *Pair) Expires() time.Time { return p.current.Load().Leaf.NotAfter }

// Stale reports whether the files hold something that could not be taken up.
func (p *Pair) Stale() bool { return p.bad.Load() }

// Watch looks at the files every Period until stop is closed.
func (p *Pair) Watch(stop <-chan struct{}) {
	ticker := time.NewTicker(Period)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			p.looked.Store(time.Now().UnixNano())
			p.Check()
		}
	}
}

// Check looks at the files, and reads them where they changed since the last
// time that they were read. One state of the files is reported once.
//
// The files are looked at before they are read: where they change meanwhile, the
// next look sees it. A key that is written a moment after its certificate makes
// one report of a pair that does not fit, and is taken up by the next look.
func (p *Pair) Check() {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, err := p.look()
	if err == nil && seen.equal(p.seen) {
		return
	}
	var certificate *tls.Certificate
	if err == nil {
		certificate, err = p.load()
	}
	if err != nil {
		if !seen.equal(p.seen) || !p.bad.Load() {
			p.log.Error("the certificate is not renewed: the old one stays", "error", err, "expires", p.Expires())
		}
		p.seen = seen
		p.bad.Store(true)
		return
	}
	p.seen = seen
	p.current.Store(certificate)
	p.bad.Store(false)
	p.log.Info("the certificate is renewed", "subject", certificate.Leaf.Subject.String(), "expires", certificate.Leaf.NotAfter)
}

// Reload reads the files, whether they have changed or not.
func (p *Pair) Reload() {
	p.mu.Lock()
	p.seen = state{}
	p.bad.Store(false) // a state that was reported is reported again
	p.mu.Unlock()
	p.Check()
}

func (p *Pair) load() (*tls.Certificate, error) {
	certificate, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return nil, fmt.Errorf("keypair: %s and %s: %w", p.certFile, p.keyFile, err)
	}
	return &certificate, nil
}

// look returns the state of both files, links followed: the links are what a
// mounted Kubernetes secret changes.
func (p *Pair) look() (s state, err error) {
	for i, name := range []string{p.certFile, p.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return state{}, err
		}
		s[i] = info
	}
	return s, nil
}
