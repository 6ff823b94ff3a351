package mihnode

import (
	"net/netip"
	"slices"
	"time"

	"netlmm/configs"
	"netlmm/mih/mihf"
	"netlmm/mih/transport"
	"netlmm/mih/transport/discover"
)

const (
	announceEvery = 30 * time.Second
	heardFor      = 4 * announceEvery // after which who said nothing more is gone
)

// groupsOf are the multicast groups where MIH Functions announce themselves.
func groupsOf(d configs.Discovery) []transport.Group {
	if !d.Multicast.IsValid() {
		return nil
	}
	return []transport.Group{{Address: d.Multicast, Interface: d.Interface}}
}

// announce tells the group that this MIH Function is here.
func (n *Node) announce() {
	d := n.cfg.MIH.Discovery
	group := netip.AddrPortFrom(d.Multicast.WithZone(d.Interface), n.cfg.MIH.Port)
	n.Post(mihf.Announce{Group: mihf.Endpoint{Address: group}})
}

// hears takes note of where an MIH Function is, where such notes are wanted. One too many is counted.
func (n *Node) hears(from mihf.Endpoint) {
	if !n.cfg.MIH.Discovery.Multicast.IsValid() || from.Transport != mihf.UDP {
		return
	}
	select {
	case n.heard <- from.Address:
	default:
		n.cfg.Counters.Add(DiscoveryCount, "too_many")
	}
}

// hear notes an announcement, and says whether it is the first from there.
func (s *seeker) hear(from netip.AddrPort, now time.Time) (news bool) {
	_, known := s.heard[from]
	if !known && len(s.heard) >= maximumFound {
		return false
	}
	if s.heard == nil {
		s.heard = map[netip.AddrPort]time.Time{}
	}
	s.heard[from] = now
	return !known
}

// forget drops those that have not been heard for long, and says whether there were any.
func (s *seeker) forget(now time.Time) (news bool) {
	for from, at := range s.heard {
		if now.Sub(at) > heardFor {
			delete(s.heard, from)
			news = true
		}
	}
	return news
}

// announced are those that were heard.
func (s *seeker) announced() (list []discover.Server) {
	for from := range s.heard {
		list = append(list, discover.Server{Addr: from, Protocol: transport.UDP})
	}
	slices.SortFunc(list, func(a, b discover.Server) int { return a.Addr.Compare(b.Addr) })
	return list
}
