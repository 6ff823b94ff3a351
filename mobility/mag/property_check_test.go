package mag

import (
	"fmt"

	"pgregory.net/rapid"
)

func (h *hostile) check(t *rapid.T) {
	m := h.mag
	sessions := map[*association]int{}
	outstanding, bound, offered, nodes := 0, 0, 0, 0
	for _, of := range m.nodes {
		nodes += len(of)
	}
	for key, s := range m.sessions {
		sessions[s.association]++
		bound += len(routes(s.bound, s.home))
		if s.offered {
			offered++
		}
		if s.request.outstanding {
			outstanding++
		}
		if err := h.checkSession(key, s); err != nil {
			t.Fatalf("%v %v: %v", key, s.state, err)
		}
	}
	if len(m.sessions) > m.config.MaximumMobileNodes || len(m.links) > len(m.sessions) || len(m.requests) != outstanding ||
		len(m.owners) != bound || m.forwarding.Len() != bound {
		t.Fatalf("%d sessions, %d links, %d requests for %d outstanding, %d owners and %d forwarding entries for %d prefixes",
			len(m.sessions), len(m.links), len(m.requests), outstanding, len(m.owners), m.forwarding.Len(), bound)
	}
	if err := h.checkHandovers(); err != nil {
		t.Fatal(err)
	}
	if offered != len(h.offers) || nodes != len(m.sessions) || len(m.denials) > m.config.MaximumMobileNodes || len(m.denials) != m.denied.Len() || len(m.revocations) > revocationsKept {
		t.Fatalf("%d offers for %d bound sessions, %d sessions by node, %d denials, %d revocations", len(h.offers), offered, nodes, len(m.denials), len(m.revocations))
	}
	for link, s := range m.listed {
		if m.sessions[s.sessionKey] != s || s.listed == nil || link != (linkKey{s.listed.Interface, s.linkLayerID}) || m.links[link] == s && !s.isFrozen() {
			t.Fatalf("%v stands as listed at %v", s.sessionKey, link)
		}
	}
	for e := m.clockless.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*session); m.sessions[s.sessionKey] != s || s.state != Refused {
			t.Fatalf("%v, %v, stands among those that wait for the clock", s.sessionKey, s.state)
		}
	}
	for e := m.lapsing.Front(); e != nil; e = e.Next() {
		if s := e.Value.(*session); m.sessions[s.sessionKey] != s || s.state != Lapsing {
			t.Fatalf("%v, %v, stands among those that lapse", s.sessionKey, s.state)
		}
	}
	for _, a := range m.associations {
		if a.sessions.Len() != sessions[a] || a.waiting.Len() > a.sessions.Len() {
			t.Fatalf("association of %d sessions counts %d, %d wait", sessions[a], a.sessions.Len(), a.waiting.Len())
		}
	}
}

// checkSession: its prefixes are its own, and something will happen to it.
func (h *hostile) checkSession(key sessionKey, s *session) error {
	m := h.mag
	for _, p := range routes(s.bound, s.home) {
		e, _ := m.forwarding.Get(p)
		if m.owners[p] != s || e.Interface != m.accessLink(s) || e.MobileNodeLinkLayerID != key.linkLayerID || e.Peer != s.lma() {
			return fmt.Errorf("%v is forwarded as %+v", p, e)
		}
	}
	for _, p := range routes(s.bound, s.home) {
		e, _ := m.forwarding.Get(p)
		way, other, hold := s.transfer(p)
		if e.Transfer != way || e.OtherGateway != other || e.Hold != hold {
			return fmt.Errorf("%v is forwarded as %+v, want %v %v, hold %t", p, e, way, other, hold)
		}
		if err := h.checkOffload(s, e); err != nil {
			return err
		}
	}
	waits := s.signal.IsSet()
	switch s.state {
	case WaitingForSecurityAssociation:
		waits = s.waiting != nil
	case Refused:
		waits = true // perhaps for an administrative action
	}
	registered := s.state == Registering || s.state == Registered || s.state == ReRegistering
	if registered && s.seen.Before(s.attached) || (s.lapsing != nil) != (s.state == Lapsing) {
		return fmt.Errorf("seen %v, attached %v, among those that lapse: %t", s.seen, s.attached, s.lapsing != nil)
	}
	if s.isFrozen() {
		if !waits || s.offered && s.away || s.advertise.IsSet() || s.state != Expected && !s.lapse.IsSet() {
			return fmt.Errorf("%v, and stuck: signal %t, lapse %t, advertise %t, offered %t", s.state, s.signal.IsSet(), s.lapse.IsSet(), s.advertise.IsSet(), s.offered)
		}
		return nil
	}
	if !waits || s.away && s.purpose != DeRegistration || s.isBound() != s.offered && s.home.router.IsValid() || s.isBound() != s.lapse.IsSet() || (len(s.bound) > 0) != s.advertise.IsSet() {
		return fmt.Errorf("stuck: signal %t, lapse %t, advertise %t, bound %v", s.signal.IsSet(), s.lapse.IsSet(), s.advertise.IsSet(), s.bound)
	}
	return nil
}
