// Package listening has the socket of a link SAP open whose access points write of their own accord, and says what is known of them.
package listening

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

const rearmInterval = 200 * time.Millisecond

// Socket is the state of a socket.
type Socket struct {
	mu      sync.Mutex
	at      netip.AddrPort
	failure string
}

// Opened notes that the socket listens.
func (s *Socket) Opened(at netip.AddrPort) { s.set(at, "") }

func (s *Socket) set(at netip.AddrPort, failure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.failure = at, failure
}

// Address is where the socket listens; zero while it does not.
func (s *Socket) Address() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// Failure is why it does not listen; "" while it does, and before it was tried.
func (s *Socket) Failure() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// Keep has the socket open again, paced, whenever listen returns, which calls Opened; until ctx ends.
func (s *Socket) Keep(ctx context.Context, listen func(context.Context) error, failed func(error)) {
	for ctx.Err() == nil {
		err := listen(ctx)
		if ctx.Err() != nil {
			return
		}
		s.set(netip.AddrPort{}, err.Error())
		failed(err)
		select {
		case <-ctx.Done():
		case <-time.After(rearmInterval):
		}
	}
}

// Detail says when an access point was heard last; the zero time: never.
func Detail(heard time.Time) string {
	if heard.IsZero() {
		return "never heard"
	}
	return "last heard " + heard.UTC().Format(time.RFC3339)
}
