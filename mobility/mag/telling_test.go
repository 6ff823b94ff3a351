package mag

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// crowd is a MAG that many mobile nodes are registered at, of which an LMA revokes everything.
type crowd struct {
	*MAG
	t   *testing.T
	now time.Time
}

func newCrowd(t *testing.T, n int) *crowd {
	t.Helper()
	m, err := New(Config{ProxyCareOfAddress: proxyCoA, MaximumMobileNodes: n, TimestampBasedApproachInUse: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		register(t, m, start, i)
	}
	if m.Forwarding().Len() != n {
		t.Fatalf("%d bindings", m.Forwarding().Len())
	}
	return &crowd{m, t, start}
}

func (c *crowd) revokeAll() []Action {
	c.t.Helper()
	payload, err := (&mh.BindingRevocationIndication{Trigger: mh.TriggerPerPeerPolicy, Sequence: 9, Flags: mh.RevocationProxy | mh.RevocationGlobal}).AppendTo(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.Handle(c.now, MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload})
}

// told counts what is said of mobile nodes, and checks that each is told in order.
func told(t *testing.T, actions []Action, seen map[string]int) (ended int) {
	t.Helper()
	for _, a := range actions {
		switch a := a.(type) {
		case OfferAddresses:
			seen["offer "+string(a.MobileNodeLinkLayerID)]++
		case BindingEnded:
			if a.Reason != EndRevoked {
				t.Errorf("%+v", a)
			}
			seen[string(a.Entry.MobileNodeLinkLayerID)]++
			ended++
		case AdvertiseRouter:
			llid := string(a.MobileNodeLinkLayerID)
			if seen["offer "+llid] != 1 || seen[llid] != 1 || a.RouterLifetime != 0 {
				t.Errorf("%+v, of which was said %d and %d", a, seen["offer "+llid], seen[llid])
			}
			seen["router "+llid]++
		}
	}
	return ended
}

// A global revocation of an LMA: forwarding stops and the LMA is answered at once, once; what everybody else is to be told goes
// out in bursts.
func TestGlobalRevocationIsToldInBursts(t *testing.T) {
	const nodes = 10*burstSize + 3
	c, seen := newCrowd(t, nodes), map[string]int{}
	actions := c.revokeAll()
	_, applied := actions[0].(ApplyForwarding)
	answer, answered := actions[1].(SendMessage)
	if !applied || !answered || answer.Kind != RevocationAcknowledgement || c.Forwarding().Len() != 0 || c.Len() != 0 {
		t.Fatalf("%+v, %d bindings", actions[:2], c.Len())
	}
	calls, ended := 1, told(t, actions[2:], seen)
	for {
		at, ok := c.NextDeadline()
		if !ok {
			break
		}
		if actions = c.Expire(at); len(actions) > 3*burstSize {
			t.Errorf("%d actions in one call", len(actions))
		}
		for _, a := range actions {
			if _, sends := a.(SendMessage); sends {
				t.Errorf("%+v", a)
			}
		}
		calls, ended = calls+1, ended+told(t, actions, seen)
		c.now = at
	}
	if ended != nodes || len(seen) != 3*nodes || calls != 11 {
		t.Errorf("%d told, of %d things, in %d calls", ended, len(seen), calls)
	}
	if c.now = c.now.Add(globalRevocationInterval); len(c.revokeAll()) != 1 {
		t.Error("the repetition is not just answered as it was before")
	}
}

// Who attaches before its turn to be told has heard it then; nothing of it comes later. Stop waits for nobody.
func TestWhoAttachesDuringAGlobalRevocation(t *testing.T) {
	const nodes = 3 * burstSize
	c, seen := newCrowd(t, nodes), map[string]int{}
	ended := told(t, c.revokeAll(), seen)
	last := macOf(nodes - 1)
	if seen[string(last)] != 0 {
		t.Fatal("the last is told first")
	}
	for _, iface := range []string{"wlan0", "wlan1"} { // also on another link of this gateway
		actions := c.Handle(c.now, LinkAttached{
			Interface: iface, MobileNodeID: mobility.NAI(fmt.Sprint(nodes - 1)), MobileNodeLinkLayerID: last, AccessTechnologyType: 4, LMAAddress: defaultLMA,
		})
		ended += told(t, actions, seen)
		if _, sends := actions[len(actions)-1].(SendMessage); !sends && iface == "wlan0" || seen["router "+string(last)] != 1 {
			t.Errorf("%s: %+v, told %d", iface, actions, seen["router "+string(last)])
		}
	}
	at, _ := c.NextDeadline()
	ended += told(t, c.Expire(at), seen)
	actions := c.Handle(at, Stop{})
	if _, stopped := actions[len(actions)-1].(Stopped); !stopped {
		t.Errorf("%+v is last", actions[len(actions)-1])
	}
	if ended += told(t, actions, seen); ended != nodes || len(seen) != 3*nodes {
		t.Errorf("%d told, of %d things", ended, len(seen))
	}
	for what, n := range seen {
		if n != 1 {
			t.Errorf("%q is told %d times", what, n)
		}
	}
}

// Registrations that crossed a global revocation are asked for anew in bursts too, and an answer to one of before is none.
func TestCrossedRegistrationsAreBegunAnewInBursts(t *testing.T) {
	c := newCrowd(t, 1)
	c.config.MaximumMobileNodes = 1000
	var crossed []mh.BindingUpdate
	for i := 1; i <= 2*burstSize; i++ {
		actions := c.Handle(c.now, LinkAttached{
			Interface: "wlan0", MobileNodeID: mobility.NAI(fmt.Sprint(i)), MobileNodeLinkLayerID: macOf(i), AccessTechnologyType: 4, LMAAddress: defaultLMA,
		})
		var pbu mh.BindingUpdate
		if err := pbu.Decode(actions[0].(SendMessage).Payload); err != nil {
			t.Fatal(err)
		}
		crossed = append(crossed, pbu)
	}
	probes := 0
	for _, a := range c.revokeAll() {
		if _, probe := a.(ProbePresence); probe {
			probes++
		}
	}
	if probes != burstSize {
		t.Errorf("%d asked at once", probes)
	}
	for i, pbu := range crossed {
		pba := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: pbu.Sequence, Lifetime: pbu.Lifetime, Options: pbu.Options}
		pba.Options.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("2001:db8:1:%x::/64", i))}
		payload, err := pba.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Handle(c.now, MessageReceived{Source: defaultLMA, Destination: proxyCoA, Payload: payload})
	}
	if c.Forwarding().Len() != 0 {
		t.Errorf("%d bound by answers that the revocation overtook", c.Forwarding().Len())
	}
	at, _ := c.NextDeadline()
	for _, a := range c.Expire(at) {
		if _, probe := a.(ProbePresence); probe {
			probes++
		}
	}
	if probes != 2*burstSize {
		t.Errorf("%d asked in two bursts", probes)
	}
}
