// Package domaintest runs a whole Proxy Mobile IPv6 domain in memory: two MAGs, one LMA, the mobile nodes that move
// between them and a network that loses, duplicates and reorders. Nothing imports it; it holds tests only.
package domaintest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/heartbeat"
	"netlmm/mobility/lma"
	"netlmm/mobility/mag"
)

var (
	start      = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	lmaAddress = netip.MustParseAddr("2001:db8:f::1")
	pool       = netip.MustParsePrefix("2001:db8:1000::/48")
	ipv4Pool   = netip.MustParsePrefix("10.64.0.0/16")
)

const lifetime = 120 * time.Second

// gateway is one MAG of the domain.
type gateway struct {
	name    string
	address netip.Addr
	mag     *mag.MAG
	secured bool          // its SA stands
	stopped bool          // it was told to stop, and has not been started since
	without bool          // it was started without offloading
	off     time.Duration // of its wall clock

	offers  map[place]mag.OfferAddresses // that stand
	revoked map[place]bool               // whose binding here was revoked, and who did not attach since
	obeyed  map[string]time.Time         // revocations that ended bindings
	seen    map[place]time.Time          // when it heard last that a host is there

	told map[mobility.MobileNodeLinkLayerID]mobility.OffloadPolicy // by the anchor, last

	heartbeat *heartbeat.Machine
	counter   uint32
	known     map[netip.Addr]uint32 // counters of its peers
}

// place is where a MAG has a mobile node.
type place struct {
	iface string
	mac   mobility.MobileNodeLinkLayerID
}

// host is an interface of a mobile node, mostly its only one: where it is in truth, and what it was told.
type host struct {
	name, node string
	mac        mobility.MobileNodeLinkLayerID
	access     mobility.AccessTechnologyType
	ipv6, ipv4 bool
	sole       bool     // its mobile node has no other interface
	at         *gateway // nil: nowhere
	link       string
	last       *gateway     // where it was attached last
	from       *gateway     // that it comes from, if the new gateway is told
	prefix     netip.Prefix // of its first Router Advertisement
	home       netip.Prefix // IPv4 home address that it was offered first
	routed     bool         // the last one, whoever sent it, was one of a router
	router     *mag.MAG     // who sent that
	revoked    bool         // its binding was revoked where it is, and it has not attached since
	revoking   bool         // it is being revoked there, as the anchor has it
	allowed    bool         // but another interface of its mobile node has, so that a list may bring it back
	excuse     excuse       // why only the next extension serves it again

	proposal mobility.OffloadPolicy // of its gateways, when it attaches
}

func (h *host) id() mobility.MobileNodeID { return mobility.NAI(h.node) }

// GoString is what rapid says of what it drew.
func (h *host) GoString() string    { return h.name }
func (g *gateway) GoString() string { return g.name }

// flavour is what is not the same in every domain.
type flavour struct {
	sequences  bool // TimestampBasedApproachInUse is off: PBUs have sequence numbers only
	heartbeats bool
	handovers  bool   // fast ones (RFC 5949), and a third gateway
	hold       bool   // packets are kept when a link goes down (reactive mode)
	deregister bool   // who does not answer is de-registered; false: LapseOnUnknownPresence
	offload    bool   // IPv4 flows may leave at the gateways, but for the third one (RFC 6909)
	jitter     uint64 // seed of the MAGs' random numbers; 0: none
}

// domain is everything, at one instant.
type domain struct {
	flavour
	now      time.Time
	gateways []*gateway
	anchor   *lma.LMA
	off      time.Duration // of the anchor's wall clock
	hosts    []*host
	network  []packet // in flight, in the order they were sent
	sent     int
	instant  bool // packets arrive at once
	trace    strings.Builder
	random   *rand.Rand
	store    []stored // of the anchor

	anchorRandom byte // last of its random octets

	heartbeat *heartbeat.Machine // of the anchor
	counter   uint32
	known     map[netip.Addr]uint32

	moved      map[netip.Prefix]mobility.BindingCacheEntry      // last seen of each binding, for the invariants
	latest     map[mobility.MobileNodeID]uint64                 // greatest timestamp accepted
	belongs    map[netip.Prefix]mobility.MobileNodeID           // since it was given out first
	stepped    bool                                             // some clock was wrong some time
	disordered bool                                             // so was the anchor's, by which it judges timestamps
	runs       map[exchange]uint32                              // of the MAG, when it sent the PBU that arrived at the anchor last
	misdated   map[string]bool                                  // by mobile node: so was that of the MAG whose PBU was accepted last
	arriving   *packet                                          // at the anchor
	resuming   bool                                             // what waited for an SA goes out
	apart      map[pair]bool                                    // gateways without an SA with each other
	policies   map[mobility.MobileNodeID]mobility.OffloadPolicy // of the profiles at the anchor
	circles    map[netip.Prefix]time.Time                       // since when two gateways send a prefix to each other
	wrong      error                                            // what should not have happened meanwhile
}

func newDomain(f flavour) *domain {
	d := &domain{
		flavour: f, now: start, counter: 1, known: map[netip.Addr]uint32{}, moved: map[netip.Prefix]mobility.BindingCacheEntry{},
		policies: map[mobility.MobileNodeID]mobility.OffloadPolicy{},
		runs:     map[exchange]uint32{}, misdated: map[string]bool{}, latest: map[mobility.MobileNodeID]uint64{}, belongs: map[netip.Prefix]mobility.MobileNodeID{}, random: rand.New(rand.NewPCG(f.jitter, 0)),
	}
	gateways := 2
	if f.handovers {
		gateways, d.apart = 3, map[pair]bool{}
	}
	for i := range gateways {
		g := &gateway{
			name: fmt.Sprintf("mag%d", i+1), address: netip.MustParseAddr(fmt.Sprintf("2001:db8:a::%d", i+1)),
			known: map[netip.Addr]uint32{},
		}
		d.gateways = append(d.gateways, g)
	}
	for i, h := range []host{
		{name: "mn1", ipv6: true}, {name: "mn2", ipv6: true}, {name: "mn3", ipv6: true},
		{name: "dual", ipv6: true, ipv4: true}, {name: "old", ipv4: true},
		{name: "two.wlan", node: "two", ipv6: true, ipv4: true}, {name: "two.wimax", node: "two", access: mobility.AccessWiMAX, ipv6: true, ipv4: true},
	} {
		h.mac = mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, byte(i + 1)})
		if h.sole = h.node == ""; h.sole {
			h.node = h.name
		}
		if h.access == 0 {
			h.access = mobility.AccessWLAN
		}
		d.hosts = append(d.hosts, &h)
	}
	d.anchor = d.newAnchor()
	d.startAnchorHeartbeat(false)
	for _, g := range d.gateways {
		d.startMAG(g)
	}
	return d
}

// startMAG gives a gateway a new MAG that knows nothing, and the SA.
func (d *domain) startMAG(g *gateway) {
	cfg := mag.Config{
		ProxyCareOfAddress: g.address, Lifetime: lifetime, RequireSecurityAssociation: true, TimestampBasedApproachInUse: !d.sequences,
		LapseOnUnknownPresence: !d.deregister, EnableIPv4TrafficOffloadSupport: d.offloads(g),
	}
	d.enableHandovers(&cfg)
	if d.jitter != 0 {
		cfg.Random = d.random.Float64
	}
	m, err := mag.New(cfg)
	if err != nil {
		panic(err)
	}
	g.mag, g.stopped = m, false
	g.offers, g.revoked = map[place]mag.OfferAddresses{}, map[place]bool{}
	g.obeyed, g.seen = map[string]time.Time{}, map[place]time.Time{}
	g.told = map[mobility.MobileNodeLinkLayerID]mobility.OffloadPolicy{}
	d.event(g, mag.SecurityAssociationChanged{LMAAddress: lmaAddress, Up: true})
	d.pairAll(g)
	d.startMAGHeartbeat(g)
	g.secured = true
}

// associate makes the SA of a MAG stand, or go. Without it nothing that is protected arrives.
func (d *domain) associate(g *gateway, up bool) {
	g.secured, d.resuming = up, up
	d.event(g, mag.SecurityAssociationChanged{LMAAddress: lmaAddress, Up: up})
	d.resuming = false
	d.beat(g, heartbeat.AssociationChanged{Peer: lmaAddress, Up: up})
	d.beatAnchor(heartbeat.AssociationChanged{Peer: g.address, Up: up})
}

// restartMAG is a crash: the adapters then report again who is associated.
func (d *domain) restartMAG(g *gateway) {
	d.startMAG(g)
	for _, h := range d.hosts {
		if h.at == g {
			d.attached(h)
		}
	}
}

// stopMAG lets a MAG de-register everybody. It serves nobody until it is started again.
func (d *domain) stopMAG(g *gateway) {
	g.stopped = true
	d.event(g, mag.Stop{Deregister: true})
}

func (d *domain) attachment(h *host) mag.LinkAttached {
	return mag.LinkAttached{
		CorrelationID: 1, Interface: h.link, MobileNodeID: h.id(), MobileNodeLinkLayerID: h.mac,
		AccessTechnologyType: h.access, LMAAddress: lmaAddress, IPv6Prohibited: !h.ipv6, IPv4Mobility: h.ipv4,
		PreviousMAG: h.cameFrom(), OffloadPolicy: h.proposal,
	}
}

// listed lets an access point say that a host is there, which it may have left.
func (d *domain) listed(h *host, g *gateway, link string) {
	there := *h
	there.link = link
	ev := d.attachment(&there)
	ev.Unconfirmed = true
	d.event(g, ev)
}

// attach moves a host to a link. Its former access point learns nothing of it.
func (d *domain) attach(h *host, g *gateway, link string) {
	h.at, h.last, h.link = g, g, link
	d.attached(h)
}

// attached lets the MAG know. What was revoked of any interface of the mobile node may be asked for again.
func (d *domain) attached(h *host) {
	h.revoked, h.revoking, h.allowed, h.excuse = false, false, false, none
	for _, other := range d.hosts {
		if other.node == h.node && !h.at.stopped {
			other.allowed = other.allowed || other.revoked && other.at == h.at
			for p := range h.at.revoked {
				if p.mac == other.mac {
					delete(h.at.revoked, p)
				}
			}
		}
	}
	h.at.seen[place{h.link, h.mac}] = d.now
	d.event(h.at, d.attachment(h))
}

// detach lets an access point find that a host is gone, perhaps long after it went.
func (d *domain) detach(h *host, g *gateway, link string) {
	if h.at == g && h.link == link {
		h.at = nil
	}
	d.event(g, mag.LinkDetached{Interface: link, MobileNodeLinkLayerID: h.mac})
}

// event hands an event to a MAG and does what it wants.
func (d *domain) event(g *gateway, ev mag.Event) { d.perform(g, g.mag.Handle(d.clock(g.off), ev)) }

func (d *domain) perform(g *gateway, actions []mag.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case mag.SendMessage:
			d.send(a.Source, a.Destination, a.Payload)
			d.checkSent(g, a)
		case mag.ProbePresence:
			h := d.hostWith(a.MobileNodeLinkLayerID)
			if h.at == g && h.link == a.Interface {
				g.seen[place{h.link, h.mac}] = d.now
				d.event(g, mag.PresenceConfirmed{Interface: a.Interface, MobileNodeLinkLayerID: a.MobileNodeLinkLayerID})
			}
		case mag.ClockDoubted: // its time source knows better; if it was the LMA's clock that is wrong, this one waits on
			if g.off == 0 {
				d.event(g, mag.ClockSynchronized{})
			}
		case mag.OfferAddresses:
			d.offered(g, a)
		case mag.AdvertiseRouter:
			h := d.hostWith(a.MobileNodeLinkLayerID)
			d.advertised(g, h, a)
		case mag.BindingEnded:
			d.ended(g, a)
		case mag.Ignored:
			d.note("%s ignores: %s", g.name, a.Reason)
			if a.Reason == mag.DropOptionMismatch {
				d.excuseMistaken(g)
			}
		case mag.HandoverPrepared, mag.HandoverFailed, mag.HandoverExpected, mag.HandoverArrived, mag.HandoverCompleted, mag.HandoverUndone:
			d.progress(g, a)
		case mag.Stopped:
			d.checkStopped(g)
		}
	}
}

// offered changes what the DHCP servers of an access link give out. An IPv4 home address is its host's for ever.
func (d *domain) offered(g *gateway, a mag.OfferAddresses) {
	p := place{a.Interface, a.MobileNodeLinkLayerID}
	if len(a.HomeNetworkPrefixes) == 0 && !a.IPv4HomeAddress.IsValid() {
		delete(g.offers, p)
		return
	}
	g.offers[p] = a
	h := d.hostWith(a.MobileNodeLinkLayerID)
	if !a.IPv4HomeAddress.IsValid() {
		return
	}
	if !h.home.IsValid() {
		h.home = a.IPv4HomeAddress
	} else if h.home != a.IPv4HomeAddress && h.sole {
		d.wrong = fmt.Errorf("%s has %v, and is offered %v", h.name, h.home, a.IPv4HomeAddress)
	}
	d.note("%s offers %v to %s on %s", g.name, a.IPv4HomeAddress, h.name, a.Interface)
}

func (d *domain) ended(g *gateway, a mag.BindingEnded) {
	d.note("%s ends %v: %s %s", g.name, a.Entry.MobileNodeID, a.Reason, refusal(a))
	h := d.hostWith(a.Entry.MobileNodeLinkLayerID)
	if a.Reason == mag.EndRefused && a.Status == mobility.StatusAdministrativelyProhibited && h.at == g {
		h.excuse = prohibited
	}
	if a.Reason != mag.EndRevoked {
		return
	}
	g.revoked[place{a.Entry.Interface, h.mac}] = true
	if h.at == g {
		h.revoked, h.allowed = true, false
	}
}

// advertised lets a host hear a Router Advertisement, if it is where that is sent.
func (d *domain) advertised(g *gateway, h *host, a mag.AdvertiseRouter) {
	there := h.at == g && h.link == a.Interface
	if there {
		h.routed, h.router = a.RouterLifetime > 0, g.mag
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
