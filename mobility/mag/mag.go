// Package mag is the Mobile Access Gateway of RFC 5213 section 6, with IPv4 (RFC 5844) and its offload (RFC 6909), binding revocation
// (RFC 5846) and fast handovers (RFC 5949), as a sans-IO machine: events and the time go in, actions come out. It has no lock, clock or socket; one
// goroutine owns it. The cost of an event does not grow with the number of mobile nodes, with these exceptions: a restart or a
// global revocation of an LMA looks at all sessions with that one, and what is for everybody (Stop, an AdministrativeAction without
// a mobile node, the restart of another gateway) at all there are. What follows goes out in bursts.
package mag

import (
	"cmp"
	"container/list"
	"net/netip"
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// sessionKey names a mobility session: one interface of one mobile node (RFC 5213 section 5.4).
type sessionKey struct {
	id          mobility.MobileNodeID
	linkLayerID mobility.MobileNodeLinkLayerID
}

// linkKey names a mobile node the way an access link knows it.
type linkKey struct {
	iface       string
	linkLayerID mobility.MobileNodeLinkLayerID
}

// requestKey names a PBU that awaits its answer (RFC 5213 section 6.9.1.2(5)): by its number alone where that counts all PBUs
// of the MAG, so that an answer with another mobile node's identifier is found out; else the number is one of the mobile node.
type requestKey struct {
	id       mobility.MobileNodeID // zero with timestamps
	sequence uint16
}

// MAG is a Mobile Access Gateway.
type MAG struct {
	config       Config
	sessions     map[sessionKey]*session // the Binding Update List, RFC 5213 section 6.1
	nodes        map[mobility.MobileNodeID][]*session
	links        map[linkKey]*session
	listed       map[linkKey]*session // on lists of access points, and attached elsewhere
	requests     map[requestKey]*session
	owners       map[netip.Prefix]*session // who a forwarding entry belongs to
	associations map[netip.Addr]*association
	lapsing      *list.List // of *session in state Lapsing, the longest first
	clockless    *list.List // of *session that waits for ClockSynchronized
	denials      map[mobility.MobileNodeID]*rememberedDenial
	denied       *list.List // of *rememberedDenial, the oldest first
	revocations  []answeredRevocation
	forwarding   *forwarding.State
	timers       timers.Heap

	expected         *list.List // of *session whose arrival is expected, the oldest first
	initiations      map[uint16]*initiation
	completions      int   // of them without a session
	handoverSequence int64 // of the last Handover Initiate, of which the message has 16 bits
	answers          map[answerKey]*answeredHandover
	answered         *list.List // of *answeredHandover, the oldest first

	sequence         uint16 // of the last PBU, RFC 5213 section 6.9.1.1(6)
	nextBindingError time.Time

	clockTimer   timers.Timer
	clockOffset  time.Duration // as an LMA sees it
	clockLMA     netip.Addr    // which one
	clockDoubted time.Time     // when that was said last

	telling telling

	stopping    bool       // Stop was handled
	stopped     bool       // and nothing is awaited any more
	saidStopped bool       // Stopped went out
	leaving     []*session // that Stop has yet to de-register
	stopTimer   timers.Timer

	acknowledgement mh.BindingAcknowledgement      // decoding buffers
	indication      mh.BindingRevocationIndication //
	handoverMessage mh.HandoverInitiate            //
	handoverAnswer  mh.HandoverAcknowledge         //
	actions         []Action                       // of the call under way
}

// New returns a MAG without mobile nodes. Its error lists everything in cfg that cannot work.
func New(cfg Config) (*MAG, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &MAG{
		config:       cfg,
		sessions:     map[sessionKey]*session{},
		nodes:        map[mobility.MobileNodeID][]*session{},
		links:        map[linkKey]*session{},
		listed:       map[linkKey]*session{},
		requests:     map[requestKey]*session{},
		owners:       map[netip.Prefix]*session{},
		associations: map[netip.Addr]*association{},
		lapsing:      list.New(),
		clockless:    list.New(),
		denials:      map[mobility.MobileNodeID]*rememberedDenial{},
		denied:       list.New(),
		expected:     list.New(),
		initiations:  map[uint16]*initiation{},
		answers:      map[answerKey]*answeredHandover{},
		answered:     list.New(),
		forwarding:   forwarding.NewState(),
	}
	m.stopTimer.Due = m.deregisterSome
	m.clockTimer.Due = m.doubtClock
	m.telling.timer.Due = m.tellSome
	return m, nil
}

// Handle takes one event and returns what is to be done, in order.
func (m *MAG) Handle(now time.Time, ev Event) []Action {
	if m.stopped {
		m.do(Ignored{Reason: DropStopping})
		return m.takeActions()
	}
	switch ev := ev.(type) {
	case Stop:
		m.stop(now, ev)
	case MessageReceived:
		m.messageReceived(now, ev)
	case LinkDetached:
		m.linkDetached(now, ev)
	case SecurityAssociationChanged:
		m.securityAssociationChanged(now, ev)
	case LinkAttached:
		m.linkAttached(now, ev)
	case PresenceConfirmed:
		m.presenceConfirmed(now, ev)
	case RouterSolicited:
		m.routerSolicited(now, ev)
	case NeighborUnreachable:
		m.neighborUnreachable(now, ev)
	case LinkLocalAddressTaken:
		m.linkLocalAddressTaken(now, ev)
	case PeerRestarted:
		m.peerRestarted(now, ev)
	case AdvertiseAgain:
		m.advertiseAgain(now)
	case ClockSynchronized:
		m.clockSynchronized(now)
	case AdministrativeAction:
		m.administrativeAction(now, ev)
	case PrepareHandover:
		m.prepareHandover(now, ev)
	case CancelHandover:
		m.cancelHandover(now, ev)
	case RequestContext:
		m.askAnother(now, ev)
	}
	return m.takeActions()
}

// Expire does everything whose deadline has passed.
func (m *MAG) Expire(now time.Time) []Action {
	for !m.stopped && m.timers.ExpireOne(now) {
	}
	return m.takeActions()
}

// NextDeadline is when Expire is to be called next; false: only after another event.
func (m *MAG) NextDeadline() (time.Time, bool) {
	return m.timers.Next()
}

// Forwarding is what the kernel should hold: an entry of role Gateway for each prefix and each IPv4 home address of an
// accepted binding.
func (m *MAG) Forwarding() *forwarding.State { return m.forwarding }

// Len is the number of mobile nodes in the Binding Update List.
func (m *MAG) Len() int { return len(m.sessions) }

// Snapshot is the Binding Update List, ordered by mobile node.
func (m *MAG) Snapshot() []mobility.BindingUpdateListEntry {
	entries := make([]mobility.BindingUpdateListEntry, 0, len(m.sessions))
	for _, s := range m.inOrder() {
		entries = append(entries, m.entry(s))
	}
	return entries
}

// inOrder is every session in the order of its key.
func (m *MAG) inOrder() []*session {
	sessions := make([]*session, 0, len(m.sessions))
	for _, s := range m.sessions {
		sessions = append(sessions, s)
	}
	slices.SortFunc(sessions, func(a, b *session) int {
		return cmp.Or(cmp.Compare(a.id.Subtype, b.id.Subtype), cmp.Compare(a.id.Value, b.id.Value),
			cmp.Compare(a.linkLayerID, b.linkLayerID))
	})
	return sessions
}

func (m *MAG) do(a Action) { m.actions = append(m.actions, a) }

// takeActions ends a call. Stopped is the last action of all: no deadline is left then.
func (m *MAG) takeActions() []Action {
	if m.stopped && !m.saidStopped {
		m.saidStopped = true
		for _, in := range m.initiations {
			m.forgetInitiation(in)
		}
		m.tellAll()
		m.timers.StopAll()
		m.do(Stopped{})
	}
	actions := m.actions
	m.actions = nil
	return actions
}
