package lma

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/mh"
)

// The invariants of the design, held against an anchor that a few mobile nodes, interfaces and MAGs drive through
// everything at random: orders, clocks, prefixes of others, replays, restarts.

func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"":        w.check,
			"pbu":     w.pbu,
			"replay":  w.replay,
			"tick":    w.tick,
			"delete":  w.delete,
			"restart": w.restart,
			"noise":   w.noise,
			"revoke":  w.revoke,
			"answer":  w.answer,
			"give up": w.giveUp,
			"policy":  w.changePolicy,
		})
	})
}

// world is one anchor and what its peers know.
type world struct {
	lma      *LMA
	cfg      Config
	now      time.Time
	sent     []MessageReceived
	accepted map[mobility.MobileNodeID]mh.Timestamp // greatest in an accepting answer
	asked    []SendMessage                          // revocations that the anchor sent
	policy   mobility.OffloadPolicy                 // of all profiles
	told     map[netip.Prefix]stay                  // by IPv4 home address
}

func newWorld(t *rapid.T) *world {
	w := &world{now: epoch, accepted: map[mobility.MobileNodeID]mh.Timestamp{}, told: map[netip.Prefix]stay{}, cfg: Config{
		LMAAddresses:    []netip.Addr{lmaAddress},
		Pools:           []netip.Prefix{netip.MustParsePrefix("2001:db8:100::/62")},
		Authorized:      func(netip.Addr, string) bool { return true },
		Random:          func(b []byte) { clear(b) },
		MaximumLifetime: 60 * time.Second,
		MaximumBindings: 6,

		EnableIPv4TrafficOffloadSupport: true,

		RevokeAtUnknownHandover: rapid.Bool().Draw(t, "ask"),

		IPv4Pools: []IPv4Pool{{Network: netip.MustParsePrefix("10.64.0.0/29")}},
		Profile: func(id mobility.MobileNodeID) (mobility.Profile, bool) {
			p := mobility.Profile{MobileNodeID: id, ProxyRegistration: true, IPv4Mobility: true}
			if id.Value == "mn1" {
				p.IPv4HomeAddress = netip.MustParsePrefix("10.64.0.3/29")
				p.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:51::/64"), netip.MustParsePrefix("2001:db8:100:1::/64")}
			}
			return p, true
		},
	}}
	w.cfg.Profile = w.offloading(w.cfg.Profile)
	w.create(t)
	return w
}

func (w *world) create(t *rapid.T) {
	var err error
	if w.lma, err = New(w.cfg); err != nil {
		t.Fatal(err)
	}
}

func (w *world) pbu(t *rapid.T) {
	update := mh.BindingUpdate{
		Sequence: uint16(rapid.IntRange(0, 20).Draw(t, "sequence")),
		Flags:    mh.UpdateAcknowledge | mh.UpdateProxy,
		Lifetime: uint16(rapid.SampledFrom([]int{0, 1, 5, 10, 20}).Draw(t, "lifetime")),
	}
	drawOptions(t, &update.Options, w.now)
	payload, err := update.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	source := magAddress(rapid.IntRange(1, 3).Draw(t, "mag"))
	w.handle(t, MessageReceived{Source: source, Destination: lmaAddress, Payload: payload})
}

func drawOptions(t *rapid.T, o *mh.Options, now time.Time) {
	o.Present.Add(mh.OptionMobileNodeID, mh.OptionHomeNetworkPrefix, mh.OptionHandoffIndicator, mh.OptionAccessTechnologyType)
	o.MobileNodeID = mobility.NAI(fmt.Sprintf("mn%d", rapid.IntRange(1, 4).Draw(t, "mn")))
	prefixes := []string{"::/0", "::/0", "::/0", "2001:db8:100::/64", "2001:db8:100:1::/64", "2001:db8:100:2::/64", "2001:db8:51::/64", "2001:db8:9::/64"}
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "prefixes") {
		o.HomeNetworkPrefixes = append(o.HomeNetworkPrefixes, netip.MustParsePrefix(rapid.SampledFrom(prefixes).Draw(t, "prefix")))
	}
	if rapid.Bool().Draw(t, "ipv4") {
		addresses := []string{"0.0.0.0/0", "0.0.0.0/0", "10.64.0.2/29", "10.64.0.3/29", "10.64.0.4/29", "10.64.0.1/29", "10.65.0.2/16"}
		o.Present.Add(mh.OptionIPv4HomeAddressRequest)
		o.IPv4HomeAddressRequest = netip.MustParsePrefix(rapid.SampledFrom(addresses).Draw(t, "address"))
		if rapid.IntRange(0, 2).Draw(t, "families") == 0 {
			o.HomeNetworkPrefixes = nil
			o.Present &^= 1 << mh.OptionHomeNetworkPrefix
		}
	}
	drawOffload(t, o)
	o.HandoffIndicator = mobility.HandoffIndicator(rapid.IntRange(1, 5).Draw(t, "hi"))
	o.AccessTechnologyType = mobility.AccessTechnologyType(rapid.IntRange(3, 4).Draw(t, "att"))
	if n := rapid.IntRange(0, 3).Draw(t, "llid"); n > 0 {
		o.Present.Add(mh.OptionMobileNodeLinkLayerID)
		o.MobileNodeLinkLayerID = mobility.LinkLayerID([6]byte{2, 5: byte(n)})
	}
	if rapid.IntRange(0, 4).Draw(t, "scheme") > 0 {
		o.Present.Add(mh.OptionTimestamp)
		skew := rapid.SampledFrom([]int{0, 0, 0, 0, -10, 10, -299, 299, -1000, 1000}).Draw(t, "skew")
		o.Timestamp = mh.TimestampOf(now.Add(time.Duration(skew) * time.Millisecond))
	}
	if rapid.Bool().Draw(t, "lla") {
		o.Present.Add(mh.OptionLinkLocalAddress)
		o.LinkLocalAddress = netip.IPv6Unspecified()
	}
}

// replay repeats any message sent so far, from any MAG.
func (w *world) replay(t *rapid.T) {
	if len(w.sent) > 0 {
		ev := rapid.SampledFrom(w.sent).Draw(t, "message")
		ev.Source = magAddress(rapid.IntRange(1, 3).Draw(t, "mag"))
		w.handle(t, ev)
	}
}

func (w *world) tick(t *rapid.T) {
	w.now = w.now.Add(time.Duration(rapid.SampledFrom([]int{1, 100, 1000, 1500, 5000, 10000, 30000}).Draw(t, "ms")) * time.Millisecond)
	w.note(t, w.lma.Expire(w.now))
	if at, ok := w.lma.NextDeadline(); ok && !at.After(w.now) {
		t.Fatalf("after Expire(%v) the next deadline is %v", w.now, at)
	}
}

func (w *world) delete(t *rapid.T) {
	id := mobility.NAI(fmt.Sprintf("mn%d", rapid.IntRange(1, 4).Draw(t, "mn")))
	w.note(t, w.lma.Handle(w.now, Delete{MobileNodeID: id}))
}

func (w *world) revoke(t *rapid.T) {
	order := Revoke{Trigger: mh.RevocationTrigger(rapid.IntRange(0, 7).Draw(t, "trigger"))}
	if rapid.Bool().Draw(t, "whole MAG") {
		order.ProxyCareOfAddress = magAddress(rapid.IntRange(1, 3).Draw(t, "mag"))
	} else {
		order.MobileNodeID = mobility.NAI(fmt.Sprintf("mn%d", rapid.IntRange(1, 4).Draw(t, "mn")))
	}
	w.note(t, w.lma.Handle(w.now, order))
}

// answer answers any revocation so far, or one that was none.
func (w *world) answer(t *rapid.T) {
	if len(w.asked) == 0 {
		return
	}
	asked := rapid.SampledFrom(w.asked).Draw(t, "indication")
	var m mh.BindingRevocationIndication
	if err := m.Decode(asked.Payload); err != nil {
		t.Fatal(err)
	}
	ack := mh.BindingRevocationAcknowledgement{Sequence: m.Sequence + uint16(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "off")),
		Flags: m.Flags, Status: mh.RevocationStatus(rapid.SampledFrom([]int{0, 1, 128, 130, 132, 133}).Draw(t, "status"))}
	payload, err := ack.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.note(t, w.lma.Handle(w.now, MessageReceived{Source: asked.Destination, Destination: asked.Source, Payload: payload}))
}

// giveUp is a revocation by a MAG. It touches no binding of another.
func (w *world) giveUp(t *rapid.T) {
	source := magAddress(rapid.IntRange(1, 3).Draw(t, "mag"))
	m := mh.BindingRevocationIndication{Flags: mh.RevocationProxy, Trigger: mh.TriggerUserInitiatedTermination}
	m.Options.Present.Add(mh.OptionMobileNodeID)
	m.Options.MobileNodeID = mobility.NAI(fmt.Sprintf("mn%d", rapid.IntRange(1, 4).Draw(t, "mn")))
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		m.Flags, m.Trigger = m.Flags|mh.RevocationGlobal, mh.TriggerPerPeerPolicy
	case 1:
		m.Flags |= mh.RevocationIPv4Only
		m.Options.Present.Add(mh.OptionIPv4HomeAddressRequest)
		m.Options.IPv4HomeAddressRequest = netip.MustParsePrefix(rapid.SampledFrom([]string{"10.64.0.2/29", "10.64.0.3/29"}).Draw(t, "address"))
	case 2:
		m.Options.Present.Add(mh.OptionHomeNetworkPrefix)
		m.Options.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:100:1::/64"), netip.MustParsePrefix("2001:db8:100:2::/64")}
	}
	payload, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range w.note(t, w.lma.Handle(w.now, MessageReceived{Source: source, Destination: lmaAddress, Payload: payload})) {
		if changed, ok := a.(BindingChanged); ok && changed.Change != Created && changed.Entry.ProxyCareOfAddress != source {
			t.Fatalf("%v revoked a binding of %v", source, changed.Entry.ProxyCareOfAddress)
		}
	}
}

// restart keeps what the store keeps: the bindings and the timestamps in them.
func (w *world) restart(t *rapid.T) {
	records := w.lma.Snapshot()
	w.create(t)
	if err := w.lma.Restore(w.now, records); err != nil {
		t.Fatal(err)
	}
	w.lma.Forwarding().TakeChanged()
	clear(w.accepted)
	var standing []mobility.BindingCacheEntry
	for _, record := range records {
		if record.Expires.After(w.now) {
			standing = append(standing, record)
			w.accepted[record.MobileNodeID] = max(w.accepted[record.MobileNodeID], mh.Timestamp(record.Timestamp))
		}
	}
	if diff := cmp.Diff(standing, w.lma.Snapshot(), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Fatalf("restored differs from stored:\n%s", diff)
	}
}

func (w *world) noise(t *rapid.T) {
	payload := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "payload")
	if len(payload) > 2 {
		payload[0], payload[2] = 59, 5
	}
	before := w.lma.Snapshot()
	w.note(t, w.lma.Handle(w.now, MessageReceived{Source: magAddress(1), Destination: lmaAddress, Payload: payload}))
	if len(before) != w.lma.Len() {
		t.Fatalf("noise changed the binding cache")
	}
}

// handle checks that a message which is not newer than all accepted ones changes nothing.
func (w *world) handle(t *rapid.T, ev MessageReceived) {
	w.sent = append(w.sent, ev)
	var update mh.BindingUpdate
	if err := update.Decode(ev.Payload); err != nil {
		t.Fatal(err)
	}
	o := update.Options
	stale := o.Present.Has(mh.OptionTimestamp) && o.Timestamp <= w.accepted[o.MobileNodeID]
	for _, a := range w.note(t, w.lma.Handle(w.now, ev)) {
		if _, changed := a.(BindingChanged); changed && stale {
			t.Fatalf("a PBU with timestamp %d changed a binding; accepted up to %d", o.Timestamp, w.accepted[o.MobileNodeID])
		}
	}
}

// note reads the answers, and checks that the path stands before an accepting one goes out.
func (w *world) note(t *rapid.T, actions []Action) []Action {
	changed, applied := len(w.lma.Forwarding().TakeChanged()) > 0, false
	for _, a := range actions {
		switch a := a.(type) {
		case BindingChanged:
			w.checkStay(t, a)
		case ApplyForwarding:
			applied = true
		case SendMessage:
			if a.Type == mh.TypeBindingRevocation && mh.RevocationTypeOf(a.Payload) == mh.RevocationIndication {
				w.asked = append(w.asked, a)
			}
			if a.Type == mh.TypeBindingAcknowledgement && a.Status.Accepted() {
				w.noteAccepted(t, a)
				if changed && !applied {
					t.Fatalf("an answer goes out before forwarding is applied: %v", actions)
				}
			}
		}
	}
	if changed && !applied {
		t.Fatalf("forwarding changed but is not applied: %v", actions)
	}
	return actions
}

func (w *world) noteAccepted(t *rapid.T, a SendMessage) {
	var ack mh.BindingAcknowledgement
	if err := ack.Decode(a.Payload); err != nil {
		t.Fatal(err)
	}
	if ack.Options.Present.Has(mh.OptionTimestamp) {
		id := ack.Options.MobileNodeID
		w.accepted[id] = max(w.accepted[id], ack.Options.Timestamp)
	}
	if slices.ContainsFunc(ack.Options.HomeNetworkPrefixes, mh.IsZeroPrefix) {
		t.Fatalf("an accepting answer has an all-zero prefix")
	}
}

func (w *world) check(t *rapid.T) {
	desired := map[netip.Prefix]forwarding.Entry{}
	inPool, inIPv4Pool := uint64(0), uint64(0)
	for _, e := range w.lma.Snapshot() {
		prefixes := slices.Clone(e.HomeNetworkPrefixes)
		if e.IPv4HomeAddress.IsValid() {
			prefixes = append(prefixes, netip.PrefixFrom(e.IPv4HomeAddress.Addr(), 32))
			inIPv4Pool++
		}
		if len(prefixes) == 0 {
			t.Fatalf("a binding of %v without anything bound", e.MobileNodeID)
		}
		for _, prefix := range prefixes {
			if _, taken := desired[prefix]; taken {
				t.Fatalf("prefix %s has two owners", prefix)
			}
			desired[prefix] = forwarding.Entry{Prefix: prefix, Role: forwarding.Anchor, Local: e.LMAAddress, Peer: e.ProxyCareOfAddress}
			if e.State != "registered" {
				desired[prefix] = forwarding.Entry{Prefix: prefix, Role: forwarding.Discard}
			}
			if w.cfg.Pools[0].Overlaps(prefix) {
				inPool++
			}
		}
	}
	held := map[netip.Prefix]forwarding.Entry{}
	w.lma.Forwarding().All(func(e forwarding.Entry) bool { held[e.Prefix] = e; return true })
	if !maps.Equal(desired, held) {
		t.Fatalf("forwarding is %v, bindings want %v", held, desired)
	}
	w.checkBounds(t, inPool, inIPv4Pool)
	w.checkOffload(t)
}

func (w *world) checkBounds(t *rapid.T, inPool, inIPv4Pool uint64) {
	c := w.lma.Counters()
	if c.PrefixesFree != 4-inPool || c.IPv4AddressesFree != 5-inIPv4Pool {
		t.Fatalf("%d of 4 pool prefixes and %d of 5 addresses are bound, but %d and %d count as free", inPool, inIPv4Pool, c.PrefixesFree, c.IPv4AddressesFree)
	}
	atMAGs := 0
	for _, p := range w.lma.paths {
		for e := p.sessions; e != nil; e = e.after {
			atMAGs++
		}
	}
	if atMAGs != c.Bindings {
		t.Fatalf("%d of %d bindings are on the lists of MAGs", atMAGs, c.Bindings)
	}
	for e := range w.lma.revoking {
		if e.state != deregistered {
			t.Fatalf("a binding of %v that is %v counts as being revoked", e.node.id(), e.state)
		}
	}
	timers := c.Bindings + c.Waiting + c.Revocations
	if waiting := len(w.lma.fanOut.queue); waiting > 0 {
		timers -= waiting - 1
	}
	for _, v := range w.lma.waiting {
		if v.place == 0 { // for an answer, which has a deadline
			if timers--; w.lma.asked[v.session] == nil {
				t.Fatalf("a registration of %v waits for nothing", v.request.id)
			}
		}
	}
	if c.Bindings > 6 || c.Departed > 6 || len(w.lma.timers) != timers {
		t.Fatalf("%+v with %d timers", c, len(w.lma.timers))
	}
}
