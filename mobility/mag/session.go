package mag

import (
	"container/list"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// State is what a mobility session is waiting for. Whether it is bound, that is: has a granted lifetime that has not
// ended, and forwarding, is another matter: a session that is being extended stays bound meanwhile.
type State uint8

// States of a session.
const (
	Registering                   State = iota + 1 // a PBU awaits its PBA
	Registered                                     // accepted; the next event is the extension of the lifetime
	ReRegistering                                  // a PBU that extends the lifetime awaits its PBA
	DeRegistering                                  // a PBU of lifetime 0 awaits its PBA
	WaitingForSecurityAssociation                  // a PBU is due and held back
	ConfirmingPresence                             // a PBU is due; is the mobile node still there?
	Lapsing                                        // it does not seem to be: asked on at a slow pace while the granted lifetime runs out
	Refused                                        // a PBA rejected it, or fitted no PBU; perhaps a retry is due
)

var stateNames = [...]string{
	Registering: "registering", Registered: "registered", ReRegistering: "re_registering", DeRegistering: "de_registering",
	WaitingForSecurityAssociation: "waiting_for_security_association", ConfirmingPresence: "confirming_presence",
	Lapsing: "lapsing", Refused: "refused",
}

// String names the state in lower snake case.
func (s State) String() string { return stateNames[s] }

// request is the PBU last sent, as far as its answer must fit it.
type request struct {
	outstanding bool
	sequence    uint16
	timestamp   mh.Timestamp
	handoff     mobility.HandoffIndicator
	sent        time.Time
}

// session is one entry of the Binding Update List (RFC 5213 section 6.1).
type session struct {
	sessionKey
	iface            string
	accessTechnology mobility.AccessTechnologyType
	correlationID    mobility.CorrelationID
	association      *association
	lifetime         time.Duration // to ask for

	state   State
	purpose MessageKind               // of the PBU that is due or sent
	handoff mobility.HandoffIndicator // of a registration
	known   []netip.Prefix            // to ask for: from policy or an earlier binding
	bound   []netip.Prefix            // granted and forwarded; none: not bound
	told    []netip.Prefix            // in the last Router Advertisement
	expires time.Time                 // end of the granted lifetime

	attached, updated, seen time.Time // seen: last evidence that the mobile node is on the link
	solicited               time.Time // last answer to a Router Solicitation
	lastStatus              mobility.Status

	held bool // the LMA may hold a binding for this MAG

	request   request
	sequence  uint16                       // of this session, when timestamps are not in use
	attempt   int                          // transmissions of this request
	firstSent time.Time                    // the first of them
	backoff   time.Duration                // until the next one
	refusals  int                          // since the last acceptance or attachment
	probes    int                          // since presence was last confirmed
	doubted   time.Time                    // the first of them
	recent    [maximumUpdateRate]time.Time // last transmissions, the oldest first

	signal    timer         // next step of the signalling
	lapse     timer         // end of the granted lifetime
	advertise timer         // next unsolicited Router Advertisement
	waiting   *list.Element // in association.waiting
	lapsing   *list.Element // in MAG.lapsing
	ending    EndReason     // of a de-registration
}

func (m *MAG) newSession(key sessionKey) *session {
	s := &session{sessionKey: key, sequence: m.sequence}
	s.signal.due = func(now time.Time) { m.signalDue(now, s) }
	s.lapse.due = func(now time.Time) { m.lifetimeEnded(now, s) }
	s.advertise.due = func(now time.Time) { m.advertiseRouter(now, s) }
	m.sessions[key] = s
	return s
}

func (s *session) link() linkKey { return linkKey{s.iface, s.linkLayerID} }

func (s *session) lma() netip.Addr { return s.association.lma }

// become moves the session to a state; the become methods below say what else belongs to it.
func (m *MAG) become(s *session, state State) {
	s.state = state
	m.clear(&s.signal)
	if state != WaitingForSecurityAssociation && s.attempt < suspectAfter {
		s.association.forget(s)
	}
	switch {
	case state != Lapsing:
		m.stopLapsing(s)
	case s.lapsing == nil:
		s.lapsing = m.lapsing.PushBack(s)
	}
}

func (m *MAG) stopLapsing(s *session) {
	if s.lapsing != nil {
		m.lapsing.Remove(s.lapsing)
		s.lapsing = nil
	}
}

// becomeWaiting: the PBU goes out when the SA stands. Only a de-registration does not wait longer than for its answer.
func (m *MAG) becomeWaiting(now time.Time, s *session) {
	m.become(s, WaitingForSecurityAssociation)
	m.hold(now, s)
	if s.purpose == DeRegistration {
		m.set(&s.signal, now.Add(m.config.DeregistrationTimeout))
	}
}

var sentStates = map[MessageKind]State{Registration: Registering, ReRegistration: ReRegistering, DeRegistration: DeRegistering}

// becomeSent: the PBU left and its answer is due after timeout.
func (m *MAG) becomeSent(now time.Time, s *session, timeout time.Duration) {
	m.become(s, sentStates[s.purpose])
	m.set(&s.signal, now.Add(timeout))
}

// becomeConfirmingPresence: the PBU goes out when the mobile node is known to be there (RFC 5213 section 6.13).
func (m *MAG) becomeConfirmingPresence(now time.Time, s *session) {
	m.become(s, ConfirmingPresence)
	m.probe(now, s)
}

// becomeLapsing: nothing says that the mobile node left, but it does not answer either.
func (m *MAG) becomeLapsing(now time.Time, s *session) {
	m.become(s, Lapsing)
	m.probe(now, s)
}

// probe asks for the mobile node: a few times in a row, then ever more slowly.
func (m *MAG) probe(now time.Time, s *session) {
	if s.probes == 0 {
		s.doubted = now
	}
	s.probes++
	wait := m.config.PresenceTimeout
	if slower := s.probes - presenceProbes; slower > 0 {
		wait = max(wait, min(wait<<min(slower, 16), m.config.MaxBindackTimeout))
	}
	m.set(&s.signal, now.Add(wait))
	m.do(ProbePresence{s.correlationID, s.iface, s.linkLayerID, slices.Clone(s.bound)})
}

// becomeRegistered: extension is due a margin before the granted lifetime ends, but not before half of it.
func (m *MAG) becomeRegistered(s *session, granted time.Duration) {
	s.attempt, s.refusals = 0, 0
	m.become(s, Registered)
	m.set(&s.signal, s.expires.Add(-min(m.config.ReRegistrationMargin, granted/2)))
}

// becomeRefused: retry after a while; zero: not before the next attachment.
func (m *MAG) becomeRefused(now time.Time, s *session, retry time.Duration) {
	s.attempt = 0
	m.become(s, Refused)
	if retry > 0 {
		m.set(&s.signal, now.Add(retry))
	}
}

// becomeBound gives the session its prefixes, forwarding included. A prefix that another session here had is lost to that.
func (m *MAG) becomeBound(s *session, prefixes []netip.Prefix, expires time.Time) {
	for _, p := range s.bound {
		if !slices.Contains(prefixes, p) {
			m.release(s, p)
		}
	}
	for _, p := range prefixes {
		if owner := m.owners[p]; owner != nil && owner != s {
			m.end(owner, EndPrefixReassigned)
			m.withdrawRouter(owner)
		}
		m.forward(s, p)
	}
	s.bound, s.known, s.expires = prefixes, prefixes, expires
	m.set(&s.lapse, expires)
}

// becomeUnbound takes the prefixes from the session, which will ask for them again. It reports whether forwarding changed.
func (m *MAG) becomeUnbound(s *session) (changed bool) {
	changed = len(s.bound) > 0
	for _, p := range s.bound {
		m.release(s, p)
	}
	s.bound, s.expires = nil, time.Time{}
	m.clear(&s.lapse)
	m.clear(&s.advertise)
	return changed
}

// forward makes s the receiver of prefix on its access link.
func (m *MAG) forward(s *session, prefix netip.Prefix) (changed bool) {
	e := forwarding.Entry{
		Prefix: prefix, Role: forwarding.Gateway, Local: m.config.ProxyCareOfAddress, Peer: s.lma(),
		Interface: s.iface, MobileNodeLinkLayerID: s.linkLayerID,
	}
	old, _ := m.forwarding.Get(prefix)
	m.forwarding.Set(e)
	m.owners[prefix] = s
	return old != e
}

func (m *MAG) release(s *session, prefix netip.Prefix) {
	if m.owners[prefix] == s {
		delete(m.owners, prefix)
		m.forwarding.Delete(prefix)
	}
}

// end removes the session from the Binding Update List with everything that hangs on it.
func (m *MAG) end(s *session, reason EndReason) {
	m.do(BindingEnded{Entry: m.entry(s), Reason: reason})
	if m.becomeUnbound(s) {
		m.do(ApplyForwarding{s.correlationID})
	}
	m.clear(&s.signal)
	m.stopLapsing(s)
	m.withdrawRequest(s)
	m.leaveAssociation(s)
	if m.links[s.link()] == s {
		delete(m.links, s.link())
	}
	delete(m.sessions, s.sessionKey)
	m.stoppedWhenEmpty()
}

// entry is the session as a plain record.
func (m *MAG) entry(s *session) mobility.BindingUpdateListEntry {
	prefixes := s.bound
	if len(prefixes) == 0 {
		prefixes = s.known
	}
	return mobility.BindingUpdateListEntry{
		MobileNodeID: s.id, MobileNodeLinkLayerID: s.linkLayerID, AccessTechnologyType: s.accessTechnology,
		Interface: s.iface, HomeNetworkPrefixes: slices.Clone(prefixes), LMAAddress: s.lma(),
		ProxyCareOfAddress: m.config.ProxyCareOfAddress, State: s.state.String(), LastStatus: s.lastStatus,
		Attached: s.attached, LastUpdate: s.updated, Expires: s.expires, CorrelationID: s.correlationID,
	}
}
