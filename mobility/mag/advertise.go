package mag

import (
	"net/netip"
	"slices"
	"time"
)

// routerSolicited answers a mobile node that is registered, and no other (RFC 5213 section 6.9.2); nor one that has no more
// than an IPv4 home address.
func (m *MAG) routerSolicited(now time.Time, ev RouterSolicited) {
	s := m.links[linkKey{ev.Interface, ev.MobileNodeLinkLayerID}]
	switch {
	case s == nil || s.away:
		m.do(Ignored{Reason: DropNotAttached})
	case len(s.bound) == 0 || s.state == Expected:
		m.do(Ignored{Reason: DropNotRegistered, MobileNodeID: s.id})
	case !s.solicited.IsZero() && now.Sub(s.solicited) < solicitedInterval:
		m.do(Ignored{Reason: DropRateLimited, MobileNodeID: s.id})
	default:
		s.solicited = now
		m.advertiseRouter(now, s)
	}
}

// advertiseRouter sends the Router Advertisement of a bound session. Its prefixes live as long as the binding does; those
// advertised before that are not its own any more are withdrawn (RFC 5213 section 6.12). Every accepted extension sends
// one; the timer covers a router lifetime that is shorter than that (RFC 4861 section 6.2.1: three to a lifetime).
func (m *MAG) advertiseRouter(now time.Time, s *session) {
	var deprecated []netip.Prefix
	for _, p := range s.told {
		if !slices.Contains(s.bound, p) {
			deprecated = append(deprecated, p)
		}
	}
	s.told = s.bound
	m.do(AdvertiseRouter{
		CorrelationID: s.correlationID, Interface: s.iface, MobileNodeLinkLayerID: s.linkLayerID,
		HomeNetworkPrefixes: slices.Clone(s.bound), DeprecatedPrefixes: deprecated,
		PrefixLifetime: s.lifetimeLeft(now), RouterLifetime: m.config.RouterLifetime, LinkLocalAddress: s.linkLocal,
	})
	if !s.isFrozen() || s.arrival != nil && s.arrival.expected == nil {
		m.timers.Set(&s.advertise, now.Add(m.config.RouterLifetime/3))
	}
}

// advertiseInterval keeps the Router Advertisements to different mobile nodes apart when all of them get one.
const advertiseInterval = time.Millisecond

// advertiseAgain has the sessions that have a Router Advertisement get another one.
func (m *MAG) advertiseAgain(now time.Time) {
	due := now
	for _, s := range m.inOrder() {
		if len(s.bound) > 0 && len(s.told) > 0 && !s.isFrozen() {
			m.timers.Set(&s.advertise, due)
			due = due.Add(advertiseInterval)
		}
	}
}

// withdrawRouter tells a mobile node that is left without a binding, though nobody said that it left, not to send to this
// router and to do without its prefixes. On a shared medium that is how the link is torn down which RFC 5213 section 6.9.1.4(4)
// calls point-to-point: the mobile node is to give up what it configured. One that left, or does not answer, gets no word.
func (m *MAG) withdrawRouter(s *session) {
	if len(s.told) == 0 || s.purpose == DeRegistration || s.state == Lapsing || s.away {
		return
	}
	m.do(AdvertiseRouter{
		CorrelationID: s.correlationID, Interface: s.iface, MobileNodeLinkLayerID: s.linkLayerID, DeprecatedPrefixes: s.told,
		LinkLocalAddress: s.linkLocal,
	})
	s.told = nil
}
