package mihf

import (
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/wire"
)

// registration is that of this MIH Function at a peer, and that of the peer here (IEEE 802.21 section 6.4.3).
type registration struct {
	until time.Time // of the peer here; zero: it is not registered

	valid time.Time // of ours there
	timer timers.Timer
	busy  bool
	retry time.Duration
}

// register registers with a peer, and again before that ends.
func (m *MIHF) register(now time.Time, p *peer) {
	r := &p.registration
	if r.busy || !p.Register {
		return
	}
	r.busy = true
	code := mih.Registration
	if now.Before(r.valid) {
		code = mih.ReRegistration
	}
	m.request(now, p, wire.RegisterRequest{Links: m.ownLinks(), Code: code}, func(now time.Time, body wire.Body, _ []wire.TLV, failure Failure) {
		r.busy = false
		answer, _ := body.(wire.RegisterResponse)
		if failure != NoFailure || answer.Status != mih.StatusSuccess || answer.Lifetime == nil {
			r.valid = time.Time{}
			r.retry = min(max(2*r.retry, m.cfg.RetryInitial), m.cfg.RetryMaximum)
			m.timers.Set(&r.timer, now.Add(r.retry))
			return
		}
		r.retry, r.valid = 0, now.Add(*answer.Lifetime)
		m.timers.Set(&r.timer, now.Add(max(*answer.Lifetime*3/4, m.cfg.RetryInitial)))
	})
}

// ownLinks are the links that this MIH Function says it has.
func (m *MIHF) ownLinks() (links []mih.LinkID) {
	for _, l := range m.cfg.Capabilities.Links {
		if l.Network.Link != nil {
			links = append(links, mih.LinkID{Type: *l.Network.Link, Address: l.Address})
		}
	}
	return links
}

// registered is MIH_Register of a peer.
func (m *MIHF) registered(now time.Time, p *peer, b wire.RegisterRequest) wire.Body {
	lifetime := m.cfg.RegistrationLifetime
	p.registration.until = now.Add(lifetime)
	return wire.RegisterResponse{Status: mih.StatusSuccess, Lifetime: &lifetime, LifetimeAsTimeInterval: p.Compat == ODTONE}
}
