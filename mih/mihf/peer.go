package mihf

import (
	"net/netip"
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/internal/fifo"
	"netlmm/mih/pace"
	"netlmm/mih/wire"
)

// peer is another MIH Function and all that goes on with it.
type peer struct {
	Peer
	state     PeerState
	up        bool // the security association stands
	heard     time.Time
	announced *wire.Capabilities // nil: it has not said

	rtt        pace.RTT
	pacer      pace.Pacer
	timedOutAt time.Time

	next         uint16                    // transaction identifier
	transactions map[exchange]*transaction // that wait for an acknowledgement or a response
	queue        fifo.Queue[*transaction]  // that wait to be sent: for a token, for the association, for room
	pump         timers.Timer
	order        map[mih.LinkID]*inOrder // indications to it, by link
	waiting      int                     // indications in order
	late         late
	seen         seen
	requests     int // of it, that wait for users here

	subscriptions map[subscriptionKey]*remoteSubscription // at it
	registration  registration

	sent, received, retransmitted, duplicates uint64
}

// exchange names a message that waits for its acknowledgement: requests and indications with an identifier of ours, responses
// with one of the peer.
type exchange struct {
	id          wire.MessageID
	transaction uint16
}

func (m *MIHF) newPeer(p Peer) *peer {
	one := &peer{
		Peer: p, up: m.associations[p.Endpoint.Address.Addr()], rtt: pace.NewRTT(m.cfg.Bounds), pacer: pace.NewPacer(m.cfg.Limits), next: m.cfg.First,
		transactions: map[exchange]*transaction{}, order: map[mih.LinkID]*inOrder{}, subscriptions: map[subscriptionKey]*remoteSubscription{},
	}
	one.pump.Due = func(now time.Time) { m.send(now, one) }
	one.registration.timer.Due = func(now time.Time) { m.register(now, one) }
	return one
}

// ready says whether anything may leave for the peer.
func (p *peer) ready() bool { return !p.Protected || p.up }

// peerChanged adds a peer, or moves it to another endpoint.
func (m *MIHF) peerChanged(now time.Time, changed Peer) {
	if changed.MIHFID == "" || changed.MIHFID == m.cfg.MIHFID {
		return
	}
	p, known := m.peers[changed.MIHFID]
	if !known {
		p = m.newPeer(changed)
		m.peers[changed.MIHFID] = p
	}
	if p.Endpoint != changed.Endpoint {
		p.rtt, p.pacer = pace.NewRTT(m.cfg.Bounds), pace.NewPacer(m.cfg.Limits) // another path
		p.up = m.associations[changed.Endpoint.Address.Addr()]
	}
	p.Peer = changed
	if p.Register {
		m.register(now, p)
	}
	m.send(now, p)
}

// peerGone forgets a peer with all that goes on with it. Its links go down for who is subscribed at it.
func (m *MIHF) peerGone(now time.Time, id mih.MIHFID) {
	p := m.peers[id]
	if p == nil {
		return
	}
	p.Register, p.Protected, p.up = false, true, false // nothing leaves for it any more
	for _, l := range m.Links() {
		if l.Source == id && l.State != LinkDown {
			m.takeDown(now, l)
		}
	}
	for key, s := range p.subscriptions {
		s.users = nil
		m.timers.Stop(&s.timer)
		delete(p.subscriptions, key)
		m.remote--
	}
	m.endSubscriptionsOf(p)
	for _, in := range m.incoming {
		if in.peer == p {
			m.forget(in)
		}
	}
	p.queue = fifo.Queue[*transaction]{}
	for _, t := range p.transactions {
		m.end(now, t, nil, nil, FailedNoPeer)
	}
	m.timers.Stop(&p.pump)
	m.timers.Stop(&p.registration.timer)
	delete(m.peers, id)
}

// associationChanged lets what waits go. A peer that was given up is tried again at once.
func (m *MIHF) associationChanged(now time.Time, address netip.Addr, up bool) {
	if up {
		m.associations[address] = true
	} else {
		delete(m.associations, address)
	}
	for _, t := range m.discovering {
		if p := t.peer; p.Endpoint.Address.Addr() == address {
			p.up = up
			m.send(now, p)
		}
	}
	for _, p := range m.peers {
		if p.Endpoint.Address.Addr() != address || p.up == up {
			continue
		}
		p.up = up
		if !up {
			continue
		}
		for _, s := range p.subscriptions {
			s.retry = 0
			m.ask(now, s)
		}
		if p.Register {
			m.register(now, p)
		}
		m.send(now, p)
	}
}

// capable notes what a peer says that it can do.
func (m *MIHF) capable(p *peer, c wire.Capabilities) {
	p.announced = &c
	m.act(PeerCapable{p.MIHFID, c})
}

// becomePeerUp notes that a peer answers.
func (m *MIHF) becomePeerUp(p *peer, now time.Time) {
	p.heard = now
	if p.state != PeerUp {
		p.state = PeerUp
		m.act(PeerStateChanged{p.MIHFID, PeerUp})
	}
}

// becomePeerDown notes that a peer does not answer. What waits for it is given up, so that it costs nothing, and what it was
// subscribed to ends: when it is back it asks again, and is told how things are then.
func (m *MIHF) becomePeerDown(p *peer) {
	if p.state != PeerDown {
		p.state = PeerDown
		m.act(PeerStateChanged{p.MIHFID, PeerDown})
	}
	m.endSubscriptionsOf(p)
}
