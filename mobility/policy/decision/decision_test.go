package decision

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

var (
	lma1 = netip.MustParseAddr("2001:db8:f0::1")
	lma2 = netip.MustParseAddr("2001:db8:f0::2")
	open = &mobility.Profile{ProxyRegistration: true}
)

// bench drives a machine, and says what it did in one line for each action.
type bench struct {
	t *testing.T
	m *Machine
	// now is the machine's clock.
	now time.Time
}

func newBench(t *testing.T, c Config, table *policy.Table) *bench {
	if c.Anchors.LMAs == nil {
		c.Anchors.LMAs = []netip.Addr{lma1, lma2}
	}
	return &bench{t: t, m: New(c, table), now: time.Unix(1e9, 0)}
}

func (b *bench) handle(e Event) string { b.t.Helper(); return b.text(b.m.Handle(b.now, e)) }

// pass lets time pass, deadline by deadline.
func (b *bench) pass(d time.Duration) string {
	b.t.Helper()
	until, said := b.now.Add(d), []string{}
	for {
		at, ok := b.m.NextDeadline()
		if !ok || at.After(until) {
			break
		}
		b.now = at
		if text := b.text(b.m.Expire(b.now)); text != "" {
			said = append(said, text)
		}
	}
	b.now = until
	return strings.Join(said, "; ")
}

func (b *bench) text(actions []Action) string {
	var list []string
	for _, a := range actions {
		switch a := a.(type) {
		case Serve:
			text := fmt.Sprintf("serve %d as %v at %v", mac(a.LinkLayerID), a.Profile.MobileNodeID, a.Profile.LMAAddress)
			if len(a.Profile.HomeNetworkPrefixes) > 0 {
				text += fmt.Sprint(" with ", a.Profile.HomeNetworkPrefixes)
			}
			if a.Unconfirmed {
				text += " if there"
			}
			if a.Handoff != 0 {
				text += fmt.Sprintf(" HI %d", a.Handoff)
			}
			if a.Profile.Lifetime != 0 {
				text += fmt.Sprint(" for ", a.Profile.Lifetime)
			}
			if !a.Profile.OffloadPolicy.IsZero() {
				text += fmt.Sprint(" offload ", a.Profile.OffloadPolicy)
			}
			list = append(list, text)
		case Withhold:
			list = append(list, fmt.Sprintf("withhold %d: %s", mac(a.LinkLayerID), a.Reason))
		case Ask:
			list = append(list, fmt.Sprintf("ask %d for %v", a.Query.ID, a.Query.MobileNodeID))
		case Leave:
			list = append(list, fmt.Sprintf("leave %d", mac(a.LinkLayerID)))
		case Disassociate:
			list = append(list, fmt.Sprintf("disassociate %d", mac(a.LinkLayerID)))
		case DemandAnswered:
			list = append(list, fmt.Sprintf("answer %d", a.Cause))
		case AnchorDied:
			list = append(list, fmt.Sprintf("died %v: %s", a.LMA, a.Reason))
		case AnchorLives:
			list = append(list, fmt.Sprintf("lives %v", a.LMA))
		case Noted:
			list = append(list, string(a.Reason))
		}
	}
	return strings.Join(list, "; ")
}

func mac(id mobility.MobileNodeLinkLayerID) byte { return id[len(id)-1] }

func at(n byte) policy.Station {
	return policy.Station{Interface: "acc0", LinkLayerID: mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, n})}
}

func come(n byte, nai string) Attached {
	return Attached{policy.Attachment{Station: at(n), MobileNodeID: mobility.NAI(nai)}}
}

func (b *bench) want(got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("got  %s\nwant %s", got, want)
	}
}

func profile(nai string, change func(*mobility.Profile)) mobility.Profile {
	p := mobility.Profile{MobileNodeID: mobility.NAI(nai), ProxyRegistration: true}
	if change != nil {
		change(&p)
	}
	return p
}

func TestAReloadReachesThoseWhoAreHere(t *testing.T) {
	off := func(p *mobility.Profile) { p.ProxyRegistration = false }
	prefix := []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}
	before := []mobility.Profile{profile("a@x", nil), profile("b@x", off), profile("c@x", nil), profile("d@x", nil), profile("e@x", nil)}
	b := newBench(t, Config{}, policy.NewTable(before, nil))
	b.want(b.handle(come(1, "a@x")), "serve 1 as a@x at 2001:db8:f0::1")
	b.want(b.handle(come(2, "b@x")), "withhold 2: not_allowed_by_policy")
	for i, nai := range []string{"c@x", "d@x", "e@x"} {
		b.handle(come(byte(3+i), nai))
	}
	b.want(b.handle(come(9, "stranger@x")), "withhold 9: not_allowed_by_policy")
	after := []mobility.Profile{
		profile("a@x", off), profile("b@x", nil), profile("c@x", func(p *mobility.Profile) { p.LMAAddress = lma2 }),
		profile("d@x", func(p *mobility.Profile) { p.Lifetime = time.Minute }), profile("e@x", func(p *mobility.Profile) { p.HomeNetworkPrefixes = prefix }),
	}
	b.want(b.handle(Reloaded{policy.NewTable(after, nil)}), "withhold 1: not_allowed_by_policy; "+
		"awaits_attachment; serve 4 as d@x at 2001:db8:f0::1 if there for 1m0s; awaits_attachment; serve 2 as b@x at 2001:db8:f0::1 if there; withhold 9: not_allowed_by_policy")
	b.want(b.handle(come(3, "c@x")), "serve 3 as c@x at 2001:db8:f0::2")
	b.want(b.handle(come(5, "e@x")), "serve 5 as e@x at 2001:db8:f0::1 with [2001:db8:1::/64]")
}

func TestAReloadIsPaced(t *testing.T) {
	b := newBench(t, Config{}, policy.NewTable(nil, open))
	for i := range byte(200) {
		b.handle(come(i, fmt.Sprint("mn", i, "@x")))
	}
	first := strings.Count(b.handle(Reloaded{policy.NewTable(nil, nil)}), "withhold")
	rest := strings.Count(b.pass(time.Second), "withhold")
	if first != reviewBurst || first+rest != 200 {
		t.Errorf("%d at once, %d later", first, rest)
	}
}

func TestStationsAreBounded(t *testing.T) {
	b := newBench(t, Config{MaximumStations: 2}, policy.NewTable(nil, open))
	b.handle(come(1, "a@x"))
	b.handle(come(2, "b@x"))
	b.want(b.handle(come(3, "c@x")), "station_forgotten; serve 3 as c@x at 2001:db8:f0::1")
	b.want(b.handle(Detached{Station: at(1)}), "leave 1")
	b.want(b.handle(Reloaded{policy.NewTable(nil, nil)}), "withhold 2: not_allowed_by_policy; withhold 3: not_allowed_by_policy")
	if c := b.m.Counts(); c.Withheld != 2 || c.Served != 0 || len(b.m.names) != 4 {
		t.Errorf("%+v, %d names", c, len(b.m.names))
	}
	b.handle(Detached{Station: at(2)})
	b.handle(Detached{Station: at(3)})
	if len(b.m.names) != 0 || len(b.m.records) != 0 || b.m.stations[withheld].Len() != 0 {
		t.Errorf("left over: %v", b.m.names)
	}
}

// Strangers do not push those who are served out of memory.
func TestWhoIsNotServedGivesWayFirst(t *testing.T) {
	b := newBench(t, Config{MaximumStations: 3}, policy.NewTable([]mobility.Profile{profile("a@x", nil)}, nil))
	b.handle(come(1, "a@x"))
	for i := range byte(50) {
		b.handle(come(10+i, fmt.Sprint("stranger", i)))
	}
	if c := b.m.Counts(); c.Served != 1 || c.Withheld != 2 {
		t.Errorf("%+v", c)
	}
}

// A binding that ended because nobody answered is nobody's; one that an attachment since then replaced says nothing.
func TestAnEndedBindingIsForgotten(t *testing.T) {
	b := newBench(t, Config{SeveralMACs: policy.Refuse}, policy.NewTable(nil, open))
	b.handle(come(1, "a@x"))
	b.want(b.handle(come(2, "a@x")), "withhold 2: another_device")
	b.handle(Ended{Station: at(1), Attached: b.now.Add(-time.Second), Gone: true})
	b.want(b.handle(come(2, "a@x")), "withhold 2: another_device")
	b.handle(Ended{Station: at(1), Attached: b.now, Gone: true})
	b.want(b.handle(come(2, "a@x")), "serve 2 as a@x at 2001:db8:f0::1")
}

func TestTwoAddressesOfOneIdentity(t *testing.T) {
	static := func(p *mobility.Profile) {
		p.HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}
	}
	table := policy.NewTable([]mobility.Profile{profile("static@x", static), profile("user@x", func(p *mobility.Profile) { p.SeveralDevices = true })}, open)
	for _, c := range []struct {
		rule              policy.Rule
		nai               string
		first, second, me string
	}{
		{"", "a@x", "serve 1 as a@x", "serve 2 as a@x", "serve 1 as a@x"},
		{policy.Interfaces, "a@x", "serve 1 as a@x", "serve 2 as a@x", "serve 1 as a@x"},
		{policy.Replace, "a@x", "serve 1 as a@x", "device_replaced; serve 2 as a@x HI 2", "device_replaced; serve 1 as a@x HI 2"},
		{policy.Separate, "a@x", "serve 1 as 02:00:00:00:00:01", "serve 2 as 02:00:00:00:00:02", "serve 1 as 02:00:00:00:00:01"},
		{policy.Refuse, "a@x", "serve 1 as a@x", "withhold 2: another_device", "serve 1 as a@x"},
		{policy.Separate, "static@x", "serve 1 as static@x with [2001:db8:1::/64]", "withhold 2: another_device", "serve 1 as static@x with [2001:db8:1::/64]"},
		{policy.Replace, "user@x", "serve 1 as 02:00:00:00:00:01", "serve 2 as 02:00:00:00:00:02", "serve 1 as 02:00:00:00:00:01"},
	} {
		b := newBench(t, Config{SeveralMACs: c.rule}, table)
		short := func(text string) string { return strings.ReplaceAll(text, " at 2001:db8:f0::1", "") }
		b.want(short(b.handle(come(1, c.nai))), c.first)
		b.want(short(b.handle(come(2, c.nai))), c.second)
		b.want(short(b.handle(come(1, c.nai))), c.me)
	}
}

func TestAnchorsByRealmAndHash(t *testing.T) {
	anchors := policy.Anchors{LMAs: []netip.Addr{lma1, lma2, netip.MustParseAddr("2001:db8:f0::3")}, Selection: policy.Hash, Realms: []policy.Realm{{Pattern: "*.example.org", LMAs: []netip.Addr{lma2}}}}
	if got := anchors.Candidates(mobility.NAI("a@b@Sub.Example.ORG")); !slices.Equal(got, []netip.Addr{lma2}) {
		t.Errorf("realm: %v", got)
	}
	all := func(netip.Addr) bool { return true }
	count := map[netip.Addr]int{}
	for i := range 3000 {
		id := mobility.NAI(fmt.Sprint("mn", i, "@x"))
		chosen := anchors.Choose(id, all)
		count[chosen]++
		without := anchors.Choose(id, func(lma netip.Addr) bool { return lma != lma1 })
		if without != chosen && chosen != lma1 {
			t.Fatalf("%v leaves %v because %v died", id, chosen, lma1)
		}
	}
	for lma, n := range count {
		if n < 800 || n > 1200 {
			t.Errorf("%v has %d of 3000", lma, n)
		}
	}
}

func TestADeadAnchorIsLeft(t *testing.T) {
	pinned := profile("pinned@x", func(p *mobility.Profile) { p.LMAAddress = lma1 })
	for _, c := range []struct {
		name string
		move bool
		sign Sign
		want string
	}{
		{"heartbeats, those registered wait", false, HeartbeatFailed, "died 2001:db8:f0::1: heartbeat_failed; serve 2 as b@x at 2001:db8:f0::2 if there"},
		{"heartbeats, those registered move", true, HeartbeatFailed, "died 2001:db8:f0::1: heartbeat_failed; serve 1 as a@x at 2001:db8:f0::2 if there; serve 2 as b@x at 2001:db8:f0::2 if there"},
		{"association, those registered wait", false, AssociationDown, "died 2001:db8:f0::1: association_missing; serve 2 as b@x at 2001:db8:f0::2 if there"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, Config{MoveFromDead: c.move}, policy.NewTable([]mobility.Profile{pinned}, open))
			b.handle(AnchorChanged{lma1, AssociationUp})
			b.handle(come(1, "a@x"))
			b.handle(Registered{at(1), b.now, lma1})
			b.handle(come(2, "b@x"))
			b.handle(come(3, "pinned@x"))
			said := b.handle(AnchorChanged{lma1, c.sign})
			if later := b.pass(10 * time.Second); said == "" {
				said = later
			}
			b.want(said, c.want)
			b.want(b.handle(come(4, "new@x")), "serve 4 as new@x at 2001:db8:f0::2")
			if !c.move {
				b.want(b.handle(come(1, "a@x")), "serve 1 as a@x at 2001:db8:f0::1") // waits for what it has
			}
			b.want(b.handle(come(3, "pinned@x")), "serve 3 as pinned@x at 2001:db8:f0::1")
			b.want(b.handle(AnchorChanged{lma1, AssociationUp}), "lives 2001:db8:f0::1")
			b.want(b.handle(come(4, "new@x")), "serve 4 as new@x at 2001:db8:f0::2") // keeps what it has
			b.want(b.handle(come(5, "newer@x")), "serve 5 as newer@x at 2001:db8:f0::1")
		})
	}
}

// An association that comes back in time was rekeyed, or its charon was started again.
func TestAnAssociationThatComesBackInTime(t *testing.T) {
	b := newBench(t, Config{AnchorPatience: 5 * time.Second}, policy.NewTable(nil, open))
	b.handle(AnchorChanged{lma1, AssociationUp})
	b.handle(AnchorChanged{lma1, AssociationDown})
	b.want(b.pass(4*time.Second), "")
	b.handle(AnchorChanged{lma1, AssociationUp})
	b.want(b.pass(time.Minute), "")
	b.handle(AnchorChanged{lma1, AssociationMiss}) // it stands: who misses it had not heard
	b.want(b.pass(time.Minute), "")
	b.handle(AnchorChanged{lma2, AssociationMiss})
	b.want(b.pass(time.Minute), "died 2001:db8:f0::2: association_missing")
	b.handle(AnchorChanged{lma1, HeartbeatFailed})
	b.want(b.handle(come(1, "a@x")), "serve 1 as a@x at 2001:db8:f0::1") // all are dead: it waits for the first
	b.want(b.handle(AnchorChanged{lma2, AssociationUp}), "lives 2001:db8:f0::2; serve 1 as a@x at 2001:db8:f0::2 if there")
}

// An anchor whose host answers IKE and nothing else is left for a while; a new association does not make it live.
func TestAnAnchorThatDoesNotAnswer(t *testing.T) {
	b := newBench(t, Config{}, policy.NewTable(nil, open))
	b.handle(AnchorChanged{lma1, AssociationUp})
	b.handle(come(1, "a@x"))
	b.want(b.handle(AnchorChanged{lma1, Unanswered}), "died 2001:db8:f0::1: registrations_unanswered; serve 1 as a@x at 2001:db8:f0::2 if there")
	b.handle(AnchorChanged{lma1, AssociationDown})
	b.want(b.handle(AnchorChanged{lma1, AssociationUp}), "")
	b.want(b.handle(come(2, "b@x")), "serve 2 as b@x at 2001:db8:f0::2")
	b.want(b.pass(muteTime), "lives 2001:db8:f0::1")
	b.want(b.handle(come(3, "c@x")), "serve 3 as c@x at 2001:db8:f0::1")
	b.want(b.handle(AnchorChanged{lma1, Unanswered}), "died 2001:db8:f0::1: registrations_unanswered; serve 3 as c@x at 2001:db8:f0::2 if there")
	b.want(b.handle(Registered{at(9), b.now, lma1}), "lives 2001:db8:f0::1") // it answered somebody after all
	b.want(b.pass(time.Hour), "")
}

// Where a mobile node was handed over with its anchor, that one counts, and not the one that this gateway would have chosen.
func TestTheAnchorOfAHandover(t *testing.T) {
	b := newBench(t, Config{MoveFromDead: true}, policy.NewTable(nil, open))
	b.want(b.handle(come(1, "a@x")), "serve 1 as a@x at 2001:db8:f0::1")
	b.handle(Registered{at(1), b.now.Add(-time.Second), lma1}) // of an attachment before
	b.handle(Registered{at(1), b.now, lma2})
	b.want(b.handle(AnchorChanged{lma1, HeartbeatFailed}), "died 2001:db8:f0::1: heartbeat_failed")
	b.handle(AnchorChanged{lma1, HeartbeatBack})
	b.want(b.handle(come(1, "a@x")), "serve 1 as a@x at 2001:db8:f0::2")
}
