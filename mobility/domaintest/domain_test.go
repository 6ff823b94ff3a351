// Package domaintest runs a whole Proxy Mobile IPv6 domain in memory: two MAGs, one LMA, the mobile nodes that move
// between them and a network that loses, duplicates and reorders. Nothing imports it; it holds tests only.
package domaintest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mag"
	"netlmm/mobility/mh"
)

var (
	start      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	lmaAddress = netip.MustParseAddr("2001:db8:f::1")
	pool       = netip.MustParsePrefix("2001:db8:1000::/48")
)

const lifetime = 120 * time.Second

// gateway is one MAG of the domain.
type gateway struct {
	name    string
	address netip.Addr
	mag     *mag.MAG
}

// host is a mobile node: where it is in truth, and what it was told.
type host struct {
	name   string
	mac    mobility.MobileNodeLinkLayerID
	at     *gateway // nil: nowhere
	link   string
	prefix netip.Prefix // of its first Router Advertisement
	routed bool         // the last one, whoever sent it, was one of a router
}

// packet is a Mobility Header on its way.
type packet struct {
	number   int
	from, to netip.Addr
	payload  []byte
}

// domain is everything, at one instant.
type domain struct {
	now      time.Time
	gateways []*gateway
	anchor   *lma.LMA
	hosts    []*host
	network  []packet // in flight, in the order they were sent
	sent     int
	instant  bool // packets arrive at once
	trace    strings.Builder

	moved map[mobility.MobileNodeID]mobility.BindingCacheEntry // last seen of each binding, for the invariants
	wrong error                                                // a PBU that should not have been sent
}

func newDomain() *domain {
	d := &domain{now: start, moved: map[mobility.MobileNodeID]mobility.BindingCacheEntry{}}
	d.restartLMA(false)
	for i := range 2 {
		g := &gateway{name: fmt.Sprintf("mag%d", i+1), address: netip.MustParseAddr(fmt.Sprintf("2001:db8:a::%d", i+1))}
		d.gateways = append(d.gateways, g)
		d.startMAG(g)
	}
	for i := range 3 {
		d.hosts = append(d.hosts, &host{name: fmt.Sprintf("mn%d", i+1), mac: mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, byte(i + 1)})})
	}
	return d
}

// restartLMA replaces the anchor by a new one, which reads its store or has lost it.
func (d *domain) restartLMA(restore bool) {
	random := byte(0)
	anchor, err := lma.New(lma.Config{
		LMAAddresses: []netip.Addr{lmaAddress}, Pools: []netip.Prefix{pool}, MaximumLifetime: time.Hour,
		Authorized: func(netip.Addr, string) bool { return true },
		Profile: func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			return mobility.Profile{MobileNodeID: id, ProxyRegistration: true}, true
		},
		Random: func(b []byte) {
			for i := range b {
				random++
				b[i] = random
			}
		},
	})
	if err != nil {
		panic(err)
	}
	if restore {
		if err := anchor.Restore(d.now, d.anchor.Snapshot()); err != nil {
			panic(err)
		}
	} else {
		clear(d.moved)
	}
	d.anchor = anchor
}

// startMAG gives a gateway a new MAG that knows nothing, and the SA.
func (d *domain) startMAG(g *gateway) {
	m, err := mag.New(mag.Config{
		ProxyCareOfAddress: g.address, Lifetime: lifetime, RequireSecurityAssociation: true, TimestampBasedApproachInUse: true,
		LapseOnUnknownPresence: true,
	})
	if err != nil {
		panic(err)
	}
	g.mag = m
	d.event(g, mag.SecurityAssociationChanged{LMAAddress: lmaAddress, Up: true})
}

// restartMAG is a crash: the adapters then report again who is associated.
func (d *domain) restartMAG(g *gateway) {
	d.startMAG(g)
	for _, h := range d.hosts {
		if h.at == g {
			d.event(g, d.attachment(h))
		}
	}
}

func (d *domain) attachment(h *host) mag.LinkAttached {
	return mag.LinkAttached{
		CorrelationID: 1, Interface: h.link, MobileNodeID: mobility.NAI(h.name), MobileNodeLinkLayerID: h.mac,
		AccessTechnologyType: mobility.AccessWLAN, LMAAddress: lmaAddress,
	}
}

// attach moves a host to a link. Its former access point learns nothing of it.
func (d *domain) attach(h *host, g *gateway, link string) {
	h.at, h.link = g, link
	d.event(g, d.attachment(h))
}

// detach lets an access point find that a host is gone, perhaps long after it went.
func (d *domain) detach(h *host, g *gateway, link string) {
	if h.at == g && h.link == link {
		h.at = nil
	}
	d.event(g, mag.LinkDetached{Interface: link, MobileNodeLinkLayerID: h.mac})
}

// event hands an event to a MAG and does what it wants.
func (d *domain) event(g *gateway, ev mag.Event) { d.perform(g, g.mag.Handle(d.now, ev)) }

func (d *domain) perform(g *gateway, actions []mag.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case mag.SendMessage:
			d.send(a.Source, a.Destination, a.Payload)
			d.checkSent(g, a)
		case mag.ProbePresence:
			h := d.hostWith(a.MobileNodeLinkLayerID)
			if h.at == g && h.link == a.Interface {
				d.event(g, mag.PresenceConfirmed{Interface: a.Interface, MobileNodeLinkLayerID: a.MobileNodeLinkLayerID})
			}
		case mag.ClockDoubted: // wrongly: there is one clock here
			d.event(g, mag.ClockSynchronized{})
		case mag.AdvertiseRouter:
			h := d.hostWith(a.MobileNodeLinkLayerID)
			d.advertised(g, h, a)
		case mag.BindingEnded:
			d.note("%s ends %v: %s %s", g.name, a.Entry.MobileNodeID, a.Reason, refusal(a))
		case mag.Ignored:
			d.note("%s ignores: %s", g.name, a.Reason)
		}
	}
}

// advertised lets a host hear a Router Advertisement, if it is where that is sent.
func (d *domain) advertised(g *gateway, h *host, a mag.AdvertiseRouter) {
	there := h.at == g && h.link == a.Interface
	if there {
		h.routed = a.RouterLifetime > 0
	}
	if a.RouterLifetime == 0 {
		d.note("%s withdraws %v from %s on %s", g.name, a.DeprecatedPrefixes, h.name, a.Interface)
		return
	}
	d.note("%s advertises %v to %s on %s", g.name, a.HomeNetworkPrefixes, h.name, a.Interface)
	if there && !h.prefix.IsValid() {
		h.prefix = a.HomeNetworkPrefixes[0]
	}
}

func refusal(a mag.BindingEnded) string {
	if a.Reason == mag.EndRefused {
		return a.Status.String()
	}
	return ""
}

func (d *domain) performAnchor(actions []lma.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case lma.SendMessage:
			d.send(a.Source, a.Destination, a.Payload)
		case lma.BindingChanged:
			d.note("lma %s %v at %s", [...]string{"?", "creates", "extends", "hands over", "de-registers", "removes"}[a.Change],
				a.Entry.MobileNodeID, d.nameOf(a.Entry.ProxyCareOfAddress))
		case lma.Ignored:
			d.note("lma ignores: %s", a.Reason)
		}
	}
}

func (d *domain) send(from, to netip.Addr, payload []byte) {
	d.sent++
	p := packet{d.sent, from, to, payload}
	d.network = append(d.network, p)
	d.note("#%d %s", p.number, d.describe(p))
}

// deliver hands the packet at index i of the network to its receiver; it stays in flight when keep is set.
func (d *domain) deliver(i int, keep bool) {
	p := d.network[i]
	d.note("#%d arrives", p.number)
	if !keep {
		d.drop(i)
	}
	if p.to == lmaAddress {
		d.performAnchor(d.anchor.Handle(d.now, lma.MessageReceived{Source: p.from, Destination: p.to, Payload: slices.Clone(p.payload)}))
		return
	}
	for _, g := range d.gateways {
		if g.address == p.to {
			d.event(g, mag.MessageReceived{Source: p.from, Destination: p.to, Payload: slices.Clone(p.payload)})
		}
	}
}

func (d *domain) drop(i int) { d.network = slices.Delete(d.network, i, i+1) }

// deliverAll empties the network, answers included.
func (d *domain) deliverAll() {
	for len(d.network) > 0 {
		d.deliver(0, false)
	}
}

// pass lets time go by, from deadline to deadline.
func (d *domain) pass(duration time.Duration, check func()) {
	end := d.now.Add(duration)
	for {
		next := end
		if at, ok := d.anchor.NextDeadline(); ok && at.Before(next) {
			next = at
		}
		for _, g := range d.gateways {
			if at, ok := g.mag.NextDeadline(); ok && at.Before(next) {
				next = at
			}
		}
		d.now = next
		d.performAnchor(d.anchor.Expire(d.now))
		for _, g := range d.gateways {
			d.perform(g, g.mag.Expire(d.now))
		}
		if d.instant {
			d.deliverAll()
		}
		check()
		if next.Equal(end) {
			return
		}
	}
}

func (d *domain) hostWith(mac mobility.MobileNodeLinkLayerID) *host {
	return d.hosts[slices.IndexFunc(d.hosts, func(h *host) bool { return h.mac == mac })]
}

func (d *domain) nameOf(address netip.Addr) string {
	for _, g := range d.gateways {
		if g.address == address {
			return g.name
		}
	}
	return "lma"
}

func (d *domain) note(format string, args ...any) {
	line := strings.TrimRight(fmt.Sprintf(format, args...), " ")
	fmt.Fprintf(&d.trace, "%8.3fs %s\n", d.now.Sub(start).Seconds(), line)
}

func (d *domain) describe(p packet) string {
	var pbu mh.BindingUpdate
	var pba mh.BindingAcknowledgement
	if p.to == lmaAddress && pbu.Decode(p.payload) == nil {
		return fmt.Sprintf("%s>lma PBU %v seq=%d life=%d hi=%d hnp=%v", d.nameOf(p.from), pbu.Options.MobileNodeID, pbu.Sequence,
			int(pbu.Lifetime)*4, pbu.Options.HandoffIndicator, pbu.Options.HomeNetworkPrefixes)
	}
	if pba.Decode(p.payload) == nil {
		return fmt.Sprintf("lma>%s PBA %v seq=%d life=%d %v", d.nameOf(p.to), pba.Options.MobileNodeID, pba.Sequence,
			int(pba.Lifetime)*4, pba.Status)
	}
	return "?"
}
