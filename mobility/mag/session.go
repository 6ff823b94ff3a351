package mag

import (
	"container/list"
	"net/netip"
	"slices"
	"time"

	"netlmm/internal/timers"
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
	Expected                                       // another gateway announced it, and it has not come yet (RFC 5949)
	Holding                                        // it left, and packets are kept for the gateway where it may be
	Leaving                                        // its packets go to another gateway, or are kept for it
)

var stateNames = [...]string{
	Registering: "registering", Registered: "registered", ReRegistering: "re_registering", DeRegistering: "de_registering",
	WaitingForSecurityAssociation: "waiting_for_security_association", ConfirmingPresence: "confirming_presence",
	Lapsing: "lapsing", Refused: "refused", Expected: "expected", Holding: "holding", Leaving: "leaving",
}

// String names the state in lower snake case.
func (s State) String() string { return stateNames[s] }

// request is the PBU last sent, as far as its answer must fit it.
type request struct {
	outstanding bool
	sequence    uint16
	timestamp   mh.Timestamp
	handoff     mobility.HandoffIndicator
	linkLayerID mobility.MobileNodeLinkLayerID // as the option had it
	wants       families
	release     bool // of one family of two, see releaseSurplus
	sent        time.Time
}

// session is one entry of the Binding Update List (RFC 5213 section 6.1).
type session struct {
	sessionKey
	iface            string
	listed           *LinkAttached // by an access point on another link, and asked for there
	accessTechnology mobility.AccessTechnologyType
	correlationID    mobility.CorrelationID
	association      *association
	lifetime         time.Duration // to ask for
	wishes           families      // by policy
	localRouting     bool
	proposal         mobility.OffloadPolicy // by policy when the stay began

	state   State
	purpose MessageKind               // of the PBU that is due or sent
	handoff mobility.HandoffIndicator // of a registration
	known   []netip.Prefix            // to ask for: from policy or an earlier binding
	bound   []netip.Prefix            // granted and forwarded
	told    []netip.Prefix            // in the last Router Advertisement
	expires time.Time                 // end of the granted lifetime

	knownIPv4 netip.Prefix // to ask for, as known is
	home      homeAddress  // granted and forwarded
	offered   bool         // OfferAddresses stands

	anchorLinkLocal           bool       // the LMA gives this MAG its link-local address on the link
	linkLocal, takenLinkLocal netip.Addr // that, and one that the mobile node turned out to use

	attached, updated, seen time.Time // seen: last evidence that the mobile node is on the link
	solicited               time.Time // last answer to a Router Solicitation
	lastStatus              mobility.Status

	held     bool     // the LMA may hold a binding for this MAG
	holds    families // of what
	releases int      // of a part of that, unanswered

	request   request
	sequence  uint16                       // of this session, when timestamps are not in use
	timestamp mh.Timestamp                 // the last one sent
	attempt   int                          // transmissions of this request
	firstSent time.Time                    // the first of them
	backoff   time.Duration                // until the next one
	refusals  int                          // since the last acceptance or attachment
	probes    int                          // since presence was last confirmed
	doubted   time.Time                    // the first of them
	recent    [maximumUpdateRate]time.Time // last transmissions, the oldest first

	signal    timers.Timer  // next step of the signalling
	lapse     timers.Timer  // end of the granted lifetime
	advertise timers.Timer  // next unsolicited Router Advertisement
	member    *list.Element // in association.sessions
	waiting   *list.Element // in association.waiting
	lapsing   *list.Element // in MAG.lapsing
	ending    EndReason     // of a de-registration

	verifying  bool               // ConfirmingPresence came before its time, and an answer leads back to Registered
	extension  time.Time          // when the next extension is due
	again      bool               // in association.again
	clock      *list.Element      // in MAG.clockless
	revocation *pendingRevocation // that awaits whether the mobile node is still there

	provisional bool        // what is bound is the word of another gateway, or was once: the LMA has not said so, or not lately
	away        bool        // its link is down, or it never had one here
	moved       bool        // another gateway says that it has registered it
	departure   *departure  // to another gateway
	arrival     *arrival    // from another gateway
	initiation  *initiation // that awaits an answer about it
}

func (m *MAG) newSession(key sessionKey) *session {
	m.tellAbout(key.linkLayerID)
	s := &session{sessionKey: key, sequence: m.sequence}
	s.signal.Due = func(now time.Time) { m.signalDue(now, s) }
	s.lapse.Due = func(now time.Time) { m.lifetimeEnded(now, s) }
	s.advertise.Due = func(now time.Time) { m.advertiseRouter(now, s) }
	m.sessions[key] = s
	m.nodes[key.id] = append(m.nodes[key.id], s)
	return s
}

// isBound: the session has something granted whose lifetime has not ended.
func (s *session) isBound() bool { return len(s.bound) > 0 || s.home.address.IsValid() }

// granted is what is bound.
func (s *session) granted() families { return families{len(s.bound) > 0, s.home.address.IsValid()} }

// routes is what is forwarded for the session.
func routes(prefixes []netip.Prefix, home homeAddress) []netip.Prefix {
	if !home.address.IsValid() {
		return prefixes
	}
	return append(clone(prefixes), home.route())
}

func clone(prefixes []netip.Prefix) []netip.Prefix { return slices.Clone(prefixes) }

func (s *session) link() linkKey { return linkKey{s.iface, s.linkLayerID} }

func (s *session) lma() netip.Addr { return s.association.lma }

// become moves the session to a state; the become methods below say what else belongs to it.
func (m *MAG) become(s *session, state State) {
	s.state = state
	m.timers.Stop(&s.signal)
	if state != WaitingForSecurityAssociation && s.attempt < suspectAfter {
		s.association.forget(s)
	}
	if state != Refused {
		m.forgetClock(s)
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
		m.timers.Set(&s.signal, now.Add(m.config.DeregistrationTimeout))
	}
}

var sentStates = map[MessageKind]State{Registration: Registering, ReRegistration: ReRegistering, DeRegistration: DeRegistering}

// becomeSent: the PBU left and its answer is due after timeout.
func (m *MAG) becomeSent(now time.Time, s *session, timeout time.Duration) {
	m.become(s, sentStates[s.purpose])
	m.timers.Set(&s.signal, now.Add(timeout))
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
	m.timers.Set(&s.signal, now.Add(wait))
	m.do(ProbePresence{s.correlationID, s.iface, s.linkLayerID, clone(s.bound), s.home.address.Addr()})
}

// becomeRegistered: extension is due a margin before the granted lifetime ends, but not before half of it, and then a little
// earlier for some than for others.
func (m *MAG) becomeRegistered(s *session, granted time.Duration) {
	s.attempt, s.refusals = 0, 0
	margin := min(m.config.ReRegistrationMargin, granted/2)
	s.extension = s.expires.Add(-margin - m.jitter(granted-margin))
	m.become(s, Registered)
	m.timers.Set(&s.signal, s.extension)
}

// becomeVerified: the mobile node, which was in doubt, is there.
func (m *MAG) becomeVerified(s *session) {
	s.verifying, s.probes = false, 0
	m.become(s, Registered)
	m.timers.Set(&s.signal, s.extension)
}

// becomeRefused: retry after a while; zero: not before the next attachment.
func (m *MAG) becomeRefused(now time.Time, s *session, retry time.Duration) {
	s.attempt = 0
	m.become(s, Refused)
	if retry > 0 {
		m.timers.Set(&s.signal, now.Add(retry))
	}
}

// becomeBound gives the session what was granted, forwarding included. What another session here had is lost to that.
func (m *MAG) becomeBound(now time.Time, s *session, g grant, expires time.Time) {
	former, granted := routes(s.bound, s.home), routes(g.prefixes, g.home)
	s.bound, s.home, s.expires, s.provisional = g.prefixes, g.home, expires, false
	for _, p := range former {
		if !slices.Contains(granted, p) {
			m.release(s, p)
		}
	}
	for _, p := range granted {
		if owner := m.owners[p]; owner != nil && owner != s {
			m.displace(now, owner, s, granted)
		}
		m.forward(s, p)
	}
	s.holds = s.granted().or(s.holds.without(s.request.wants)) // the LMA extends what was asked for, and keeps the rest
	m.keepKnown(s)
	m.timers.Set(&s.lapse, expires)
}

// displace ends the binding of owner, of which the LMA gave something to s. An interface that handed its session over to
// another one (HI 2), or left, is done with. Any other is still attached, and the LMA only forgot that it has a session - it lost its
// store, and s asked first: then owner asks for another one, in a while, should two sessions take it from each other in turns.
func (m *MAG) displace(now time.Time, owner, s *session, granted []netip.Prefix) {
	m.closeHandovers(now, owner, HandoverEndedByLMA)
	if owner.iface == "" {
		m.becomeUnbound(owner)
		m.remove(owner)
		return
	}
	if owner.away || owner.purpose == DeRegistration || owner.id == s.id && s.request.handoff == mobility.HandoffBetweenInterfaces {
		m.end(owner, EndPrefixReassigned)
		m.withdrawRouter(owner)
		return
	}
	m.do(BindingEnded{Entry: m.entry(owner), Reason: EndPrefixReassigned})
	m.becomeUnbound(owner)
	owner.held, owner.holds, owner.known = false, families{}, slices.DeleteFunc(clone(owner.known), func(p netip.Prefix) bool { return slices.Contains(granted, p) })
	if owner.knownIPv4.IsValid() && slices.Contains(granted, netip.PrefixFrom(owner.knownIPv4.Addr(), 32)) {
		owner.knownIPv4 = netip.Prefix{}
	}
	m.withdrawRouter(owner)
	m.begin(owner, Registration, mobility.HandoffStateUnknown)
	m.becomeRefused(now, owner, m.config.InitialBindackTimeout)
}

// keepKnown: what is bound is what the next PBU names, whatever policy says by then.
func (m *MAG) keepKnown(s *session) {
	if len(s.bound) > 0 {
		s.known = s.bound
	}
	if s.home.address.IsValid() {
		s.knownIPv4 = s.home.address
	}
}

// becomeUnbound takes from the session what was granted, which it will ask for again. It reports whether forwarding changed.
func (m *MAG) becomeUnbound(s *session) (changed bool) {
	changed = s.isBound()
	m.withdrawOffer(s)
	for _, p := range routes(s.bound, s.home) {
		m.release(s, p)
	}
	s.provisional = false
	s.bound, s.home, s.expires = nil, homeAddress{}, time.Time{}
	m.timers.Stop(&s.lapse)
	m.timers.Stop(&s.advertise)
	return changed
}

// forward makes s the receiver of prefix on its access link.
func (m *MAG) forward(s *session, prefix netip.Prefix) (changed bool) {
	e := forwarding.Entry{
		Prefix: prefix, Role: forwarding.Gateway, Local: m.proxyCareOfAddress(s.lma()), Peer: s.lma(),
		Interface: m.accessLink(s), MobileNodeLinkLayerID: s.linkLayerID, LocalRouting: s.localRouting,
	}
	e.Transfer, e.OtherGateway, e.Hold = s.transfer(prefix)
	e.Offload = s.offload(prefix, e.Transfer)
	old, _ := m.forwarding.Get(prefix)
	m.forwarding.Set(e)
	m.owners[prefix] = s
	return old != e
}

// accessLink is where the packets of s go. Those of a mobile node that is expected are held, and need a way all the same.
func (m *MAG) accessLink(s *session) string {
	if s.iface == "" {
		return m.config.ExpectedInterface
	}
	return s.iface
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
	m.remove(s)
}

// remove is the last of it, for one that has nothing bound any more.
func (m *MAG) remove(s *session) {
	m.forgetHandovers(s)
	m.timers.Stop(&s.signal)
	m.stopLapsing(s)
	m.forgetListed(s)
	m.forgetClock(s)
	m.withdrawRequest(s)
	m.leaveAssociation(s)
	if m.links[s.link()] == s {
		delete(m.links, s.link())
	}
	delete(m.sessions, s.sessionKey)
	m.leaveNode(s)
	m.stoppedWhenEmpty()
}

func (m *MAG) leaveNode(s *session) {
	others := slices.DeleteFunc(m.nodes[s.id], func(other *session) bool { return other == s })
	if len(others) == 0 {
		delete(m.nodes, s.id)
		return
	}
	m.nodes[s.id] = others
}

// entry is the session as a plain record.
func (m *MAG) entry(s *session) mobility.BindingUpdateListEntry {
	prefixes, home := s.bound, s.home.address
	if !s.isBound() { // what it will ask for
		prefixes = s.known
		if s.wishes.ipv4 {
			home = s.knownIPv4
		}
	}
	return mobility.BindingUpdateListEntry{
		MobileNodeID: s.id, MobileNodeLinkLayerID: s.linkLayerID, AccessTechnologyType: s.accessTechnology,
		Interface: s.iface, HomeNetworkPrefixes: clone(prefixes), IPv4HomeAddress: home, IPv4DefaultRouter: s.home.router,
		LinkLocalAddress: s.linkLocal, LMAAddress: s.lma(), ProxyCareOfAddress: m.proxyCareOfAddress(s.lma()), State: s.state.String(), LastStatus: s.lastStatus,
		Attached: s.attached, LastUpdate: s.updated, Expires: s.expires, CorrelationID: s.correlationID,
		OffloadPolicy: s.home.offload,
	}
}
