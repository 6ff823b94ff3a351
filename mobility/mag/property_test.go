package mag

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// TestHostileSchedules throws random events at a MAG, answers among them that no honest LMA would send, and checks after
// each that its tables agree with each other, that no session is stuck and that no PBU left without the SA.
func TestHostileSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHostile(t)
		t.Repeat(map[string]func(*rapid.T){
			"attach": func(t *rapid.T) {
				h.handle(LinkAttached{
					Interface: h.link(t), MobileNodeID: h.node(t), MobileNodeLinkLayerID: h.mac(t), AccessTechnologyType: 4,
					LMAAddress: h.lma(t), HomeNetworkPrefixes: h.prefixes(t), IPv4Mobility: rapid.Bool().Draw(t, "ipv4"),
					IPv6Prohibited: rapid.Bool().Draw(t, "no ipv6"), IPv4HomeAddress: h.homeAddress(t), AnchorLinkLocal: rapid.Bool().Draw(t, "anchor"),
					LocalRouting: rapid.Bool().Draw(t, "local"), Unconfirmed: rapid.Bool().Draw(t, "unconfirmed"),
					OffloadPolicy: offloadPolicy(t, rapid.SampledFrom(offloadNames).Draw(t, "proposal")),
					PreviousMAG:   rapid.SampledFrom([]netip.Addr{{}, {}, secondMAG}).Draw(t, "previous"),
				})
			},
			"unreachable": func(t *rapid.T) { h.handle(NeighborUnreachable{h.link(t), h.mac(t)}) },
			"collision": func(t *rapid.T) {
				h.handle(LinkLocalAddressTaken{h.link(t), h.mac(t), netip.MustParseAddr(rapid.SampledFrom([]string{"fe80::1", "fe80::2", "::1"}).Draw(t, "use"))})
			},
			"peer restarted": func(t *rapid.T) { h.handle(PeerRestarted{h.lma(t)}) },
			"clock":          func(*rapid.T) { h.handle(ClockSynchronized{}) },
			"administrative": func(t *rapid.T) {
				id := rapid.SampledFrom([]mobility.MobileNodeID{{}, h.node(t)}).Draw(t, "whom")
				h.handle(AdministrativeAction{id})
			},
			"revoke":  h.revoke,
			"detach":  func(t *rapid.T) { h.handle(LinkDetached{h.link(t), h.mac(t)}) },
			"solicit": func(t *rapid.T) { h.handle(RouterSolicited{h.link(t), h.mac(t)}) },
			"present": func(t *rapid.T) { h.handle(PresenceConfirmed{h.link(t), h.mac(t)}) },
			"sa": func(t *rapid.T) {
				lma, up := rapid.SampledFrom([]netip.Addr{h.lma(t), h.otherGateway(t)}).Draw(t, "peer"), rapid.Bool().Draw(t, "up")
				h.up[lma] = up
				h.handle(SecurityAssociationChanged{lma, up})
			},
			"prepare": func(t *rapid.T) {
				h.handle(PrepareHandover{1, h.link(t), h.mac(t), h.otherGateway(t), netip.Addr{}})
			},
			"request":     func(t *rapid.T) { h.handle(RequestContext{h.link(t), h.mac(t), secondMAG}) },
			"cancel":      func(t *rapid.T) { h.handle(CancelHandover{Interface: h.link(t), MobileNodeLinkLayerID: h.mac(t)}) },
			"initiate":    h.initiate,
			"acknowledge": h.acknowledge,
			"answer":      h.answer,
			"garbage":     func(t *rapid.T) { h.receive(h.lma(t), rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "bytes")) },
			"time":        func(t *rapid.T) { h.pass(time.Duration(rapid.IntRange(1, 100000).Draw(t, "ms")) * time.Millisecond) },
			"":            h.check,
		})
		h.handle(Stop{Deregister: true})
		h.pass(2 * time.Second)
		h.check(t)
		if len(h.offers) != 0 {
			t.Fatalf("after Stop: still offered: %v", h.offers)
		}
		if !h.stopped || len(h.mag.nodes)+h.mag.clockless.Len()+len(h.mag.sessions)+len(h.mag.requests)+len(h.mag.links)+len(h.mag.owners)+h.mag.timers.Len() != 0 {
			t.Fatalf("after Stop: stopped=%t, left: %+v", h.stopped, h.mag)
		}
	})
}

type hostile struct {
	t     *rapid.T
	mag   *MAG
	now   time.Time
	up    map[netip.Addr]bool
	sent  []SendMessage
	asked []SendMessage // Handover Initiates

	initiated mh.HandoverInitiate // the last one that came
	stopped   bool

	offers  map[linkKey]OfferAddresses
	denied  map[mobility.MobileNodeID]netip.Addr // by status 152, by which LMA
	revoked map[sessionKey]bool                  // and not attached anew
}

func newHostile(t *rapid.T) *hostile {
	m, err := New(Config{
		ProxyCareOfAddress: proxyCoA, MaximumMobileNodes: 4, RequireSecurityAssociation: true,
		Gateways: func(a netip.Addr) (string, bool) { return "", a == secondMAG || a == thirdMAG }, MaximumPendingHandovers: 2,
		HoldLifetime:                time.Duration(rapid.IntRange(0, 1).Draw(t, "hold")) * time.Second,
		TimestampBasedApproachInUse: rapid.Bool().Draw(t, "timestamps"), LapseOnUnknownPresence: rapid.Bool().Draw(t, "lapse"),
		EnableIPv4TrafficOffloadSupport: rapid.Bool().Draw(t, "offload"),
		Random:                          func() float64 { return rapid.Float64Range(0, 0.99).Draw(t, "random") },
	})
	if err != nil {
		t.Fatal(err)
	}
	return &hostile{
		t: t, mag: m, now: start, up: map[netip.Addr]bool{}, offers: map[linkKey]OfferAddresses{},
		denied: map[mobility.MobileNodeID]netip.Addr{}, revoked: map[sessionKey]bool{},
	}
}

func (h *hostile) link(t *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b"}).Draw(t, "link")
}

func (h *hostile) node(t *rapid.T) mobility.MobileNodeID {
	return mobility.NAI(rapid.SampledFrom([]string{"mn1", "mn2", "mn3"}).Draw(t, "node"))
}

func (h *hostile) mac(t *rapid.T) mobility.MobileNodeLinkLayerID {
	return mobility.MobileNodeLinkLayerID(rapid.SampledFrom([]string{"", "\x02\x00\x00\x00\x00\x01", "\x02\x00\x00\x00\x00\x02"}).Draw(t, "mac"))
}

func (h *hostile) lma(t *rapid.T) netip.Addr {
	return rapid.SampledFrom([]netip.Addr{defaultLMA, netip.MustParseAddr("2001:db8:f::2")}).Draw(t, "lma")
}

func (h *hostile) prefixes(t *rapid.T) []netip.Prefix {
	some := rapid.SampledFrom([]string{"::/0", "2001:db8:1::/64", "2001:db8:2::/64", "2001:db8:3::/64", "fe80::/64"})
	var prefixes []netip.Prefix
	for _, p := range rapid.SliceOfN(some, 0, 2).Draw(t, "prefixes") {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	return prefixes
}

func (h *hostile) homeAddress(t *rapid.T) netip.Prefix {
	return rapid.SampledFrom([]netip.Prefix{{}, netip.MustParsePrefix("10.64.0.2/16"), netip.MustParsePrefix("10.64.0.3/16"), netip.MustParsePrefix("0.0.0.0/0")}).Draw(t, "home address")
}

// revoke is an indication with any flags and triggers, honest or not.
func (h *hostile) revoke(t *rapid.T) {
	bri := mh.BindingRevocationIndication{
		Trigger: mh.RevocationTrigger(rapid.SampledFrom([]int{0, 1, 4, 7, 8, 128, 129}).Draw(t, "trigger")), Sequence: uint16(rapid.IntRange(0, 5).Draw(t, "sequence")),
		Flags: mh.RevocationFlags(rapid.IntRange(0, 7).Draw(t, "flags")) << 13,
	}
	o := &bri.Options
	if rapid.Bool().Draw(t, "who") {
		o.MobileNodeID = h.node(t)
		o.Present.Add(mh.OptionMobileNodeID)
	}
	if o.HomeNetworkPrefixes = h.prefixes(t); len(o.HomeNetworkPrefixes) > 0 {
		o.Present.Add(mh.OptionHomeNetworkPrefix)
	}
	if o.IPv4HomeAddressRequest = h.homeAddress(t); o.IPv4HomeAddressRequest.IsValid() {
		o.Present.Add(mh.OptionIPv4HomeAddressRequest)
	}
	payload, err := bri.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.receive(h.lma(t), payload)
}

// answer takes one of the last PBUs and answers it, more or less honestly.
func (h *hostile) answer(t *rapid.T) {
	if len(h.sent) == 0 {
		t.Skip("no PBU yet")
	}
	message := h.sent[len(h.sent)-1-rapid.IntRange(0, min(3, len(h.sent)-1)).Draw(t, "which")]
	var pbu mh.BindingUpdate
	if err := pbu.Decode(message.Payload); err != nil {
		t.Fatal(err)
	}
	pba := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: pbu.Sequence, Lifetime: pbu.Lifetime, Options: pbu.Options}
	pba.Status = mobility.Status(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 128, 129, 130, 135, 152, 153, 155, 156, 157, 159, 170, 171, 172, 173}).Draw(t, "status"))
	if pba.Status.Accepted() {
		pba.Options.HomeNetworkPrefixes = append(h.prefixes(t), netip.MustParsePrefix("2001:db8:4::/64"))
		h.grantHomeAddress(t, &pba.Options)
		h.drawAnswer(t, &pba.Options)
	}
	pba.Options.Present &^= 1 << mh.OptionIPv4HomeAddressRequest
	switch rapid.IntRange(0, 9).Draw(t, "lie") {
	case 0:
		pba.Options.HandoffIndicator++
	case 1:
		pba.Sequence += 3
	case 2:
		pba.Lifetime = uint16(rapid.IntRange(0, 65535).Draw(t, "lifetime"))
	case 3:
		pba.Options.Present = 1 << mh.OptionMobileNodeID
	}
	payload, err := pba.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	h.receive(message.Destination, payload)
}

func (h *hostile) grantHomeAddress(t *rapid.T, o *mh.Options) {
	address := h.homeAddress(t)
	if !address.IsValid() {
		return
	}
	status := rapid.SampledFrom([]mh.IPv4HomeAddressStatus{0, 0, 0, 128, 129, 130, 131, 132}).Draw(t, "reply status")
	o.IPv4HomeAddressReply, o.IPv4DefaultRouter = mh.IPv4HomeAddressReply{Status: status, Address: address}, netip.MustParseAddr("10.64.0.1")
	o.Present.Add(mh.OptionIPv4HomeAddressReply, mh.OptionIPv4DefaultRouter)
	if rapid.Bool().Draw(t, "no prefixes") {
		o.HomeNetworkPrefixes = nil
		o.Present &^= 1 << mh.OptionHomeNetworkPrefix
	}
}

func (h *hostile) receive(from netip.Addr, payload []byte) {
	h.handle(MessageReceived{Source: from, Destination: proxyCoA, Payload: payload})
}

func (h *hostile) handle(ev Event) {
	switch ev := ev.(type) {
	case AdministrativeAction:
		if delete(h.denied, ev.MobileNodeID); ev.MobileNodeID.IsZero() {
			clear(h.denied)
		}
	case LinkAttached:
		if !ev.Unconfirmed {
			for key := range h.revoked {
				if key.id == ev.MobileNodeID {
					delete(h.revoked, key)
				}
			}
		}
	}
	h.take(h.mag.Handle(h.now, ev))
}

func (h *hostile) pass(d time.Duration) {
	end := h.now.Add(d)
	for n := 0; ; n++ {
		next, ok := h.mag.NextDeadline()
		if !ok || next.After(end) {
			break
		}
		if n > 10000 {
			h.t.Fatal("timers without end")
		}
		h.now = next
		h.take(h.mag.Expire(h.now))
	}
	h.now = end
}

func (h *hostile) take(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case SendMessage:
			h.takeMessage(a)
		case OfferAddresses:
			key := linkKey{a.Interface, a.MobileNodeLinkLayerID}
			if delete(h.offers, key); len(a.HomeNetworkPrefixes) > 0 || a.IPv4HomeAddress.IsValid() {
				h.offers[key] = a
			}
		case BindingEnded:
			if a.Reason == EndRefused && a.Status == mobility.StatusProxyRegNotEnabled {
				h.denied[a.Entry.MobileNodeID] = a.Entry.LMAAddress
			}
			if a.Reason == EndRevoked {
				h.revoked[sessionKey{a.Entry.MobileNodeID, a.Entry.MobileNodeLinkLayerID}] = true
			}
		case AdvertiseRouter:
			served := a.PrefixLifetime > 0 && len(a.HomeNetworkPrefixes) > 0
			withdrawn := a.RouterLifetime == 0 && len(a.HomeNetworkPrefixes) == 0 && len(a.DeprecatedPrefixes) > 0
			if !served && !withdrawn {
				h.t.Fatalf("advertised without a binding: %+v", a)
			}
		case Stopped:
			h.stopped = true
		}
	}
}

// takeMessage: none leaves without the SA, none for a mobile node that was refused for good or had its binding revoked.
func (h *hostile) takeMessage(a SendMessage) {
	if a.Kind == BindingError || a.Kind == RevocationAcknowledgement && !h.mag.config.RequireSecurityAssociation {
		return
	}
	if !h.up[a.Destination] {
		h.t.Fatalf("a %v left for %v without the SA", a.Kind, a.Destination)
	}
	switch a.Kind {
	case HandoverInitiate:
		h.asked = append(h.asked, a)
		h.checkInitiate(a)
		return
	case HandoverAcknowledge:
		h.checkAcknowledge(a)
		return
	case RevocationAcknowledgement:
		return
	}
	h.sent = append(h.sent, a)
	var pbu mh.BindingUpdate
	if err := pbu.Decode(a.Payload); err != nil {
		h.t.Fatal(err)
	}
	o := &pbu.Options
	if s := h.mag.sessions[sessionKey{o.MobileNodeID, o.MobileNodeLinkLayerID}]; s != nil && s.isFrozen() && s.lma() == a.Destination {
		h.t.Fatalf("a PBU (%s) for %v, which is %v", a.Kind, o.MobileNodeID, s.state)
	}
	if asks := h.mag.config.EnableIPv4TrafficOffloadSupport && o.Present.Has(mh.OptionIPv4HomeAddressRequest); asks != o.Present.Has(mh.OptionIPv4TrafficOffloadSelector) {
		h.t.Fatalf("a PBU (%s) for %v: asks for an offload policy: %t, want %t", a.Kind, o.MobileNodeID, !asks, asks)
	}
	if a.Kind == DeRegistration {
		return
	}
	if h.denied[o.MobileNodeID] == a.Destination {
		h.t.Fatalf("a PBU for %v, which %v refused for good", o.MobileNodeID, a.Destination)
	}
	if h.revoked[sessionKey{o.MobileNodeID, o.MobileNodeLinkLayerID}] {
		h.t.Fatalf("a PBU for %v, whose binding was revoked", o.MobileNodeID)
	}
	if !o.Present.Has(mh.OptionHomeNetworkPrefix) && !o.Present.Has(mh.OptionIPv4HomeAddressRequest) {
		h.t.Fatal("a PBU that asks for nothing")
	}
}
