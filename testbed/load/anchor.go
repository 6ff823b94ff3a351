package load

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
)

// maximumSessions bounds what a gateway may make the anchor remember.
const maximumSessions = 1 << 20

// anchor plays an LMA to one gateway: messages in, answers out. The socket's goroutine and the clock share it under a lock of
// their own. It never forgets a mobile node, so that a restart can be told from a first registration.
type anchor struct {
	cfg      AnchorConfig
	link     link
	lifetime uint16
	chance   *rand.Rand
	started  time.Time

	sessions map[sessionKey]*session
	owners   map[netip.Prefix]*session
	given    uint64 // prefixes from the pool

	update mh.BindingUpdate
	out    outbox
	sent   []*answer // that are in out
	later  []*answer // delayed, in order

	restart    restart
	revocation revocation
	report     AnchorReport
}

// sessionKey tells mobility sessions of one gateway apart.
type sessionKey struct {
	id          mobility.MobileNodeID
	linkLayerID mobility.MobileNodeLinkLayerID
}

// session is what the anchor knows of one interface of a mobile node.
type session struct {
	sessionKey
	prefixes   []netip.Prefix
	registered bool
	lost       bool // registered until the anchor restarted
	earlier    bool // registered with whoever was the anchor before the play began, as the gateway says
	revoked    bool // and not registered since

	asked     bool // an update came before
	sequence  uint16
	timestamp mh.Timestamp
	recent    [maximumUpdateRate]time.Time // arrivals
	next      int                          // of recent

	first         time.Time // of the transmissions of the request under way; zero: none is
	transmissions uint64
}

// answer is an acknowledgement on its way.
type answer struct {
	payload   []byte
	due       time.Time
	session   *session // nil: of no session
	operation Operation
	first     time.Time
	accepted  bool
}

func newAnchor(cfg AnchorConfig, l link, now time.Time) *anchor {
	return &anchor{
		cfg: cfg, link: l, lifetime: uint16(cfg.Lifetime / mh.LifetimeUnit), chance: rand.New(rand.NewPCG(cfg.Seed, 5213)), started: now,
		sessions: map[sessionKey]*session{}, owners: map[netip.Prefix]*session{},
		restart: restart{counter: cfg.RestartCounter}, revocation: newRevocation(), report: newAnchorReport(&cfg),
	}
}

// received takes one message from the socket.
func (a *anchor) received(now time.Time, m signaling.Message) {
	payload := m.Payload
	if a.cfg.Compat == OAI {
		payload = mh.RepairHeaderLen(payload)
	}
	header, err := mh.DecodeHeader(payload)
	switch {
	case err != nil:
		a.violation(Malformed, "from %v: %v", m.Source, err)
	case m.Source != a.cfg.MAG:
		a.violation(WrongSource, "message type %d from %v", header.Type, m.Source)
	case header.Type == mh.TypeBindingUpdate:
		if err := a.update.Decode(payload); err != nil {
			a.violation(Malformed, "from %v: %v", m.Source, err)
			return
		}
		a.updated(now, m)
	case header.Type == mh.TypeHeartbeat:
		a.heartbeat(payload)
	case header.Type == mh.TypeBindingRevocation:
		a.acknowledged(now, payload)
	case header.Type == mh.TypeBindingError:
		a.report.BindingErrors++
	default:
		a.violation(UnexpectedType, "message type %d", header.Type)
	}
}

// updated answers the Proxy Binding Update in a.update, unless the scenario or RFC 5213 section 5.3 says not to.
func (a *anchor) updated(now time.Time, m signaling.Message) {
	a.report.Updates++
	o := &a.update.Options
	if status, ok := a.complete(o); !ok {
		a.answer(now, nil, Register, status, o.HomeNetworkPrefixes)
		return
	}
	s := a.session(sessionKey{o.MobileNodeID, o.MobileNodeLinkLayerID})
	if s == nil {
		a.answer(now, nil, Register, mobility.StatusInsufficientResources, o.HomeNetworkPrefixes)
		return
	}
	op := a.operation(s)
	a.noteEarlier(now, s, op)
	a.checkOrder(s, m.ReceivedAt)
	a.checkContent(s, op)
	if s.first.IsZero() {
		s.first = m.ReceivedAt
		a.report.operation(op).Requests++
	} else {
		a.report.operation(op).Repeated++
	}
	s.transmissions++
	switch {
	case a.chance.Float64() < a.cfg.DropRate:
		a.report.Unanswered++
	case a.chance.Float64() < a.cfg.StatusShare:
		a.answer(now, s, op, a.cfg.Status, o.HomeNetworkPrefixes)
	case op == Deregister && !s.registered && !s.lost:
		a.report.UnmatchedDeregistrations++ // ignored in silence (RFC 5213 section 5.4.1)
		s.first = time.Time{}
	default:
		a.register(now, s, op)
	}
}

// noteEarlier: a gateway that had bindings when the play began extends them, before a lifetime of them is over. It names what it
// has.
func (a *anchor) noteEarlier(now time.Time, s *session, op Operation) {
	if now.Sub(a.started) < a.cfg.Lifetime && op == Refresh && !s.asked && !slices.ContainsFunc(a.update.Options.HomeNetworkPrefixes, mh.IsZeroPrefix) {
		s.earlier = true
		a.report.RegisteredEarlier++
	}
}

// operation is what the update in hand is, as far as an anchor that has one gateway can tell.
func (a *anchor) operation(s *session) Operation {
	switch {
	case a.update.Lifetime == 0:
		return Deregister
	case a.update.Options.HandoffIndicator == mobility.HandoffStateNotChanged, a.cfg.Compat == OAI && s.registered:
		return Refresh
	}
	return Register
}

// session finds or makes the record of a mobile node's interface; nil: there are too many.
func (a *anchor) session(key sessionKey) *session {
	s := a.sessions[key]
	if s == nil && len(a.sessions) < maximumSessions {
		s = &session{sessionKey: key}
		a.sessions[key] = s
	}
	return s
}

// register grants what is asked for.
func (a *anchor) register(now time.Time, s *session, op Operation) {
	if op == Deregister {
		s.registered, s.lost = false, false
		a.answer(now, s, op, mobility.StatusAccepted, s.prefixes)
		return
	}
	prefixes, status := a.assign(s)
	if status.Accepted() {
		if s.lost {
			a.restart.registeredAgain(now)
		}
		s.prefixes, s.registered, s.lost, s.earlier, s.revoked = prefixes, true, false, false, false
	}
	a.answer(now, s, op, status, prefixes)
}

// assign gives the mobile node what it had, what the gateway asks for, or a prefix of the pool.
func (a *anchor) assign(s *session) ([]netip.Prefix, mobility.Status) {
	asked := a.update.Options.HomeNetworkPrefixes
	if named := slices.DeleteFunc(slices.Clone(asked), mh.IsZeroPrefix); len(named) > 0 {
		for _, prefix := range named {
			if owner := a.owners[prefix]; owner != nil && owner != s {
				return asked, mobility.StatusNotAuthorizedForHomeNetworkPrefix
			}
		}
		for _, prefix := range named {
			a.owners[prefix] = s
		}
		return named, mobility.StatusAccepted
	}
	if len(s.prefixes) > 0 {
		return s.prefixes, mobility.StatusAccepted
	}
	bits := prefixBits
	if a.cfg.Compat == OAI && asked[0].Bits() == 128 {
		bits = 128 // as this kind writes the length of a /64
	}
	for a.given < 1<<min(prefixBits-a.cfg.Pool.Bits(), 63) {
		prefix := netip.PrefixFrom(nth(a.cfg.Pool, a.given).Addr(), bits)
		a.given++
		if a.owners[prefix] == nil {
			a.owners[prefix] = s
			return []netip.Prefix{prefix}, mobility.StatusAccepted
		}
	}
	return asked, mobility.StatusInsufficientResources
}

// nth is the /64 with this number in the pool.
func nth(pool netip.Prefix, n uint64) netip.Prefix {
	octets := pool.Addr().As16()
	for i := 7; i >= 0; i-- {
		octets[i] |= byte(n)
		n >>= 8
	}
	return netip.PrefixFrom(netip.AddrFrom16(octets), prefixBits)
}

// answer queues the acknowledgement of the update in hand: every option that it has comes back (RFC 5213 section 5.3.6).
func (a *anchor) answer(now time.Time, s *session, op Operation, status mobility.Status, prefixes []netip.Prefix) {
	o := a.update.Options
	o.Unknown, o.HomeNetworkPrefixes = nil, prefixes
	if len(prefixes) == 0 {
		o.HomeNetworkPrefixes = []netip.Prefix{allZero}
	}
	o.Present &= echoed
	o.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType)
	if o.MobileNodeID.Subtype == 0 {
		o.MobileNodeID.Subtype = mobility.SubtypeNAI
	}
	if o.Present.Has(mh.OptionLinkLocalAddress) && o.LinkLocalAddress.IsUnspecified() {
		o.LinkLocalAddress = mobility.FixedMAGLinkLocalAddress
	}
	if status == mobility.StatusTimestampMismatch || status == mobility.StatusTimestampLowerThanPrevAccepted {
		o.Timestamp = mh.TimestampOf(now)
	}
	ack := mh.BindingAcknowledgement{Status: status, Flags: mh.AcknowledgementProxy, Sequence: a.update.Sequence, Options: o}
	if status.Accepted() && op != Deregister {
		ack.Lifetime = min(a.update.Lifetime, a.lifetime)
	}
	payload, err := ack.AppendTo(nil)
	if err != nil {
		a.violation(Malformed, "an answer would not fit: %v", err)
		return
	}
	a.report.Statuses[status.String()]++
	queued := &answer{payload: payload, due: now.Add(a.cfg.Delay), session: s, operation: op, accepted: status.Accepted()}
	if s != nil {
		queued.first = s.first
		s.first = time.Time{}
	}
	a.later = append(a.later, queued)
}

// echoed are the options that an answer may have because the request has them.
const echoed mh.OptionSet = 1<<mh.OptionMobileNodeLinkLayerID | 1<<mh.OptionLinkLocalAddress | 1<<mh.OptionTimestamp

// flush sends what is due, and says how long each request took.
func (a *anchor) flush(now time.Time) {
	n := 0
	for ; n < len(a.later) && !a.later[n].due.After(now); n++ {
		a.out.next()
		a.out.add(a.cfg.LMA, a.cfg.MAG, a.later[n].payload)
		a.sent = append(a.sent, a.later[n])
	}
	a.later = append(a.later[:0], a.later[n:]...)
	a.out.flush(a.link, func(err error) {
		a.report.SendErrors++
		a.report.example("answer not sent: %v", err)
	})
	if len(a.sent) == 0 {
		return
	}
	at := time.Now()
	for _, s := range a.sent {
		a.report.Acknowledgements++
		if s.session != nil {
			a.report.operation(s.operation).answered(s, at)
		}
	}
	clear(a.sent)
	a.sent = a.sent[:0]
}

func (a *anchor) violation(v Violation, format string, args ...any) {
	a.report.Violations[v]++
	a.report.example(string(v)+": "+format, args...)
}

// example keeps the first few things that went wrong, in words.
func (r *AnchorReport) example(format string, args ...any) {
	if len(r.Examples) < maximumExamples {
		r.Examples = append(r.Examples, fmt.Sprintf(format, args...))
	}
}
