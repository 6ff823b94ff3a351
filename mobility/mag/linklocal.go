package mag

import (
	"errors"
	"net/netip"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// requestLinkLocal is what the Link-local Address option of a PBU says where no fixed address is configured (RFC 5213 section
// 6.9.1.1, 9): all zero asks the LMA for one, another value is the one that this MAG has on the link.
func (s *session) requestLinkLocal() netip.Addr {
	if s.linkLocal.IsValid() {
		return s.linkLocal
	}
	return netip.IPv6Unspecified()
}

// takeLinkLocal takes this MAG's link-local address from an acceptance (RFC 5213 section 6.9.1.2, 15): not one that the mobile
// node uses, and none that is no such address.
func (s *session) takeLinkLocal(o *mh.Options) {
	if !s.anchorLinkLocal {
		return
	}
	a := o.LinkLocalAddress
	if o.Present.Has(mh.OptionLinkLocalAddress) && isLinkLocal(a) && a != s.takenLinkLocal {
		s.linkLocal = a
	}
}

func isLinkLocal(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() && a.Zone() == "" }

// linkLocalAddressTaken gives the MAG another link-local address on the link, at once, and tells it to the LMA (RFC 5213
// section 6.9.1.2, 15). That the mobile node uses the old one shows that it is there.
func (m *MAG) linkLocalAddressTaken(now time.Time, ev LinkLocalAddressTaken) {
	s := m.links[linkKey{ev.Interface, ev.MobileNodeLinkLayerID}]
	switch {
	case s == nil || s.purpose == DeRegistration || s.away:
		m.do(Ignored{Reason: DropNotAttached})
		return
	case !s.anchorLinkLocal:
		m.do(Ignored{Reason: DropFixedLinkLocalAddress, MobileNodeID: s.id})
		return
	case !isLinkLocal(ev.LinkLocalAddress) || ev.LinkLocalAddress == s.linkLocal:
		m.do(Ignored{Reason: DropInvalidAttachment, MobileNodeID: s.id, Err: errors.New("not another link-local address")})
		return
	}
	s.takenLinkLocal, s.linkLocal, s.seen = s.linkLocal, ev.LinkLocalAddress, now
	if len(s.bound) > 0 {
		m.advertiseRouter(now, s)
	}
	if s.isBound() && !s.isFrozen() {
		m.begin(s, ReRegistration, mobility.HandoffStateNotChanged)
		m.transmit(now, s)
	}
}
