package heartbeat

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility/mh"
)

// Machine is the heartbeat of one end with all its peers.
type Machine struct {
	cfg     Config
	peers   map[netip.Addr]*peer
	order   []*peer // as they were added
	timers  timers.Heap
	epoch   time.Time // from which the slots of requests count: the first event
	quietTo time.Time // until then no unsolicited response goes out
	actions []Action

	message mh.Heartbeat // that is being read
	failure mh.BindingError
}

// peer is one other end.
type peer struct {
	Peer
	up         bool
	failed     bool
	doubted    bool // by somebody else
	muted      bool // by the peer itself: Binding Error 2
	lastHeard  time.Time
	sequence   uint32 // of the last request
	waiting    bool   // for the response to it
	missing    int    // MISSING_HEARTBEAT
	spoke      bool   // has sent a heartbeat since the association stands
	refused    bool   // a Binding Error 2 came while waiting, from a peer that had spoken before
	announced  bool   // has had the unsolicited response of this run
	told       bool   // and nothing came from the peer since
	answers    int    // left of the burst
	answeredAt time.Time
	phase      time.Duration // of its requests within the interval
	request    timers.Timer  // the next one
	announce   timers.Timer  // the unsolicited response

	restarts, asked, answered uint64
	restartedAt               time.Time // the last of the restarts
}

// New makes a machine, or says all that is wrong with cfg.
func New(cfg Config) (*Machine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &Machine{cfg: cfg, peers: make(map[netip.Addr]*peer, len(cfg.Peers))}
	for _, p := range cfg.Peers {
		m.add(p)
	}
	return m, nil
}

// golden is the fraction of the golden ratio: its multiples, modulo one, never crowd, however many there are.
const golden = 0.6180339887498949

// add enters a peer. Its slot within the interval is its own, so that requests do not go out in bursts, and its sequence
// numbers begin where no run of the last days had any, so that no late response of an earlier run matches.
func (m *Machine) add(config Peer) {
	_, fraction := math.Modf(float64(len(m.order)) * golden)
	p := &peer{
		Peer: config, sequence: m.cfg.RestartCounter << 20, answers: answerBurst,
		phase: time.Duration(fraction * float64(m.cfg.HeartbeatInterval)),
	}
	p.request.Due = func(now time.Time) { m.slot(now, p) }
	p.announce.Due = func(time.Time) { m.sendAnnouncement(p) }
	m.peers[config.Address] = p
	m.order = append(m.order, p)
}

// Handle takes one event and returns what is to be done, in this order.
func (m *Machine) Handle(now time.Time, event Event) []Action {
	m.begin(now)
	switch event := event.(type) {
	case MessageReceived:
		m.received(now, event)
	case AssociationChanged:
		m.associationChanged(now, event)
	case Doubted:
		if p := m.peers[event.Peer]; p != nil {
			p.doubted = true
		}
	}
	return m.take()
}

// Expire does what is due.
func (m *Machine) Expire(now time.Time) []Action {
	m.begin(now)
	m.timers.Expire(now)
	return m.take()
}

// NextDeadline is when Expire wants to be called, if ever.
func (m *Machine) NextDeadline() (time.Time, bool) {
	return m.timers.Next()
}

// Peers is what is known of each peer, by address.
func (m *Machine) Peers() []Status {
	result := make([]Status, 0, len(m.order))
	for _, p := range m.order {
		s := Status{
			Address: p.Address, Up: p.up, Failed: p.failed, Mute: p.mute(), LastHeard: p.lastHeard, Unanswered: p.missing,
			Sequence: p.sequence, Restarts: p.restarts, Asked: p.asked, Answered: p.answered,
		}
		if p.Known {
			counter := p.RestartCounter
			s.RestartCounter = &counter
		}
		result = append(result, s)
	}
	slices.SortFunc(result, func(a, b Status) int { return a.Address.Compare(b.Address) })
	return result
}

func (p *peer) mute() bool { return p.Mute || p.muted }

func (m *Machine) begin(now time.Time) {
	if m.epoch.IsZero() {
		m.epoch = now
	}
}

func (m *Machine) emit(a Action) { m.actions = append(m.actions, a) }

func (m *Machine) take() []Action {
	actions := m.actions
	m.actions = nil
	return actions
}

func (m *Machine) ignore(reason DropReason, source netip.Addr, err error) {
	m.emit(Ignored{Reason: reason, Source: source, Err: err})
}

func (m *Machine) associationChanged(now time.Time, ev AssociationChanged) {
	p := m.peers[ev.Peer]
	switch {
	case p == nil:
		m.ignore(UnknownPeer, ev.Peer, nil)
	case p.up == ev.Up:
	case ev.Up:
		m.becomeUp(now, p)
	default:
		m.becomeDown(p)
	}
}

// becomeUp begins to speak with a peer.
func (m *Machine) becomeUp(now time.Time, p *peer) {
	p.up = true
	if p.mute() {
		return
	}
	if !m.cfg.StateKept && !p.announced {
		at := now
		if at.Before(m.quietTo) {
			at = m.quietTo
		}
		m.quietTo = at.Add(announceInterval)
		if at.After(now) {
			m.timers.Set(&p.announce, at)
		} else {
			m.sendAnnouncement(p)
		}
	}
	m.schedule(now, p)
}

// becomeDown ends it. What is not answered then is no sign of the peer's state; that it failed stays known until it is heard.
func (m *Machine) becomeDown(p *peer) {
	p.up, p.spoke = false, false
	m.fallSilent(p)
}

// becomeMuted: the peer knows no heartbeats (RFC 5847 section 3). It is alive, though.
func (m *Machine) becomeMuted(p *peer) {
	p.muted = true
	m.fallSilent(p)
	m.emit(PeerMuted{p.Address})
	m.becomeAlive(p)
}

func (m *Machine) fallSilent(p *peer) {
	p.waiting, p.told, p.refused, p.missing = false, false, false, 0
	m.timers.Stop(&p.request)
	m.timers.Stop(&p.announce)
}

// becomeAlive: something came from the peer.
func (m *Machine) becomeAlive(p *peer) {
	p.missing = 0
	if p.failed {
		p.failed = false
		m.emit(PeerBack{p.Address})
	}
	if p.doubted {
		p.doubted = false
		m.emit(PeerHeard{p.Address})
	}
}

func (m *Machine) becomeFailed(p *peer) {
	p.failed = true
	m.emit(PeerFailed{p.Address})
}
