package main

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"netlmm/mih"
	"netlmm/mobility/mag"
)

// Bounds of the search for where a station comes from, in the reactive mode (RFC 5949).
const (
	maximumSearched = 8   // gateways that are asked about one station
	searchesSecond  = 100 // questions beyond the first about a station
	searchesBurst   = 500
	searchFor       = 10 * time.Second // what a gateway still tells after that is of no use
)

// searches are stations of which nobody said where they come from: one gateway after the other is asked, and the first that knows the station
// is the one. There are no more than stations that came within searchFor.
type searches struct {
	mu      sync.Mutex
	of      map[station]*search
	limiter *rate.Limiter
}

type search struct {
	asked netip.Addr
	left  []netip.Addr
	timer *time.Timer
}

// begin notes whom to ask next, and returns whom to ask now.
func (s *searches) begin(who station, gateways []netip.Addr) netip.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(who)
	if len(gateways) == 0 {
		return netip.Addr{}
	}
	if len(gateways) > 1 {
		if s.of == nil {
			s.of, s.limiter = map[station]*search{}, rate.NewLimiter(searchesSecond, searchesBurst)
		}
		one := &search{asked: gateways[0], left: gateways[1:]}
		one.timer = time.AfterFunc(searchFor, func() { s.expire(who, one) })
		s.of[who] = one
	}
	return gateways[0]
}

// failed takes that a gateway does not know the station, and returns the next one to ask. why is not empty when this was the last.
func (s *searches) failed(who station, gateway netip.Addr) (next netip.Addr, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch one := s.of[who]; {
	case one == nil || one.asked != gateway: // that of another handover
		return netip.Addr{}, ""
	case len(one.left) == 0:
		s.forget(who)
		return netip.Addr{}, "nobody_knows_it"
	case !s.limiter.Allow():
		s.forget(who)
		return netip.Addr{}, "search_paced"
	default:
		one.asked, one.left = one.left[0], one.left[1:]
		return one.asked, ""
	}
}

// end forgets the search for a station: it was found, or has left.
func (s *searches) end(who station) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(who)
}

func (s *searches) expire(who station, one *search) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[who] == one {
		delete(s.of, who)
	}
}

func (s *searches) forget(who station) {
	if one := s.of[who]; one != nil {
		one.timer.Stop()
		delete(s.of, who)
	}
}

// previous is the gateway that a station comes from, for the reactive mode: that of the old access router which the link event names,
// or the likeliest of the others; more are asked when that one does not know it. Nobody is asked about a station that was here all the time.
func (h *handovers) previous(ind mih.Indication, ev mih.LinkUp, who station) netip.Addr {
	if !h.g.cfg.Handover.Reactive || ind.Resync {
		h.searches.end(who)
		return netip.Addr{}
	}
	if gateway := h.network.gatewayOf(ev.OldAccessRouter); gateway.IsValid() {
		return h.searches.begin(who, []netip.Addr{gateway})
	}
	return h.searches.begin(who, h.network.origins(ev.Link))
}

// searchOn asks the next gateway after one did not know a station. It runs in the machine's goroutine.
func (h *handovers) searchOn(of mag.Handover) {
	who, ok := stationOf(of)
	if !ok {
		return
	}
	next, why := h.searches.failed(who, of.OtherGateway)
	if why != "" {
		h.g.counters.Add(between, "new_reactive_"+why)
		h.g.log.Debug("no gateway tells of the mobile node; it is served as one that is new here", "mobile_node", of.MobileNodeID, "interface", of.Interface, "reason", why)
	}
	if next.IsValid() {
		h.g.counters.Add(between, "new_reactive_asked_another")
		h.g.post(mag.RequestContext{Interface: of.Interface, MobileNodeLinkLayerID: of.MobileNodeLinkLayerID, PreviousMAG: next}, time.Now())
	}
}

func stationOf(of mag.Handover) (station, bool) {
	address, ok := of.MobileNodeLinkLayerID.MAC()
	return station{of.Interface, address}, ok && of.Reactive && of.Side == mag.NewMAG
}

// origins are the other gateways, those first where the station was last and where stations of this point of attachment went before.
func (n *network) origins(link mih.LinkTupleID) (list []netip.Addr) {
	add := func(gateway netip.Addr) {
		if gateway.IsValid() && !slices.Contains(list, gateway) && len(list) < maximumSearched {
			list = append(list, gateway)
		}
	}
	n.mu.Lock()
	last := n.last[link.Link]
	n.mu.Unlock()
	add(n.gatewayOf(last))
	for _, c := range n.someCandidates(link.PointOfAttachment, maximumCandidates, false) {
		add(n.gateway(c))
	}
	for _, g := range n.cfg.Gateways {
		add(g.Address)
	}
	return list
}
