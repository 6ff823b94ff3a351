package decision

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// Whatever comes in whatever order, memory is bounded, nothing is left over, and nobody waits for nothing.
func TestAnyHistory(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { history(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func history(t *testing.T, random *rand.Rand) {
	rules := []policy.Rule{policy.Interfaces, policy.Replace, policy.Separate, policy.Refuse}
	orders := [][]policy.Source{{policy.File}, {policy.RADIUS}, {policy.File, policy.RADIUS}, {policy.RADIUS, policy.File}}
	c := asking(orders[random.IntN(len(orders))]...)
	c.SeveralMACs, c.MoveFromDead, c.ServeUnasked = rules[random.IntN(len(rules))], random.IntN(2) == 0, random.IntN(2) == 0
	c.MaximumStations, c.MaximumCached = 12, 8
	c.Anchors.Selection = policy.Hash
	static := []mobility.Profile{profile("mn1@x", nil), profile("mn2@x", func(p *mobility.Profile) { p.LMAAddress = lma2 }), profile("mn3@x", func(p *mobility.Profile) { p.SeveralDevices = true })}
	tables := []*policy.Table{policy.NewTable(static, open), policy.NewTable(static[1:], nil), policy.NewTable(nil, open)}
	b := newBench(t, c, tables[0])
	asked := map[policy.QueryID]bool{}
	take := func(actions []Action) {
		for _, a := range actions {
			if a, isAsk := a.(Ask); isAsk {
				if asked[a.Query.ID] {
					t.Fatalf("question %d twice", a.Query.ID)
				}
				asked[a.Query.ID] = true
			}
		}
		if len(asked) > c.MaximumWaiting {
			t.Fatalf("%d questions under way", len(asked))
		}
		consistent(t, b.m)
	}
	answer := func(v policy.Verdict) {
		for id := range asked {
			delete(asked, id)
			take(b.m.Handle(b.now, Answered{id, v}))
			return
		}
	}
	for range 600 {
		n := byte(random.IntN(20))
		nai := fmt.Sprint("mn", random.IntN(8), "@x")
		lma := []netip.Addr{lma1, lma2}[random.IntN(2)]
		b.now = b.now.Add(time.Duration(random.IntN(4)) * time.Second)
		take(b.m.Expire(b.now))
		switch random.IntN(12) {
		case 0, 1, 2, 3:
			e := come(n, nai)
			e.Unconfirmed = random.IntN(3) == 0
			take(b.m.Handle(b.now, e))
		case 4:
			take(b.m.Handle(b.now, Detached{Station: at(n)}))
		case 5, 6:
			answer([]policy.Verdict{rejected, silent, accept(nil), accept(func(g *policy.Grant) { g.SessionTimeout, g.ChargeableUserIdentity = 20*time.Second, "cui" })}[random.IntN(4)])
		case 7:
			take(b.m.Handle(b.now, Reloaded{tables[random.IntN(len(tables))]}))
		case 8:
			take(b.m.Handle(b.now, Registered{at(n), b.now, lma}))
		case 9:
			take(b.m.Handle(b.now, Ended{at(n), b.now, random.IntN(2) == 0}))
		case 10:
			take(b.m.Handle(b.now, AnchorChanged{lma, Sign(random.IntN(6))}))
		case 11:
			take(b.m.Handle(b.now, Demanded{policy.Demand{UserName: nai, Disconnect: random.IntN(2) == 0, Reauthorize: random.IntN(3) == 0, Changes: policy.Grant{SessionTimeout: time.Minute}}}))
		}
	}
	for len(asked) > 0 {
		answer(silent)
	}
	if w := b.m.stations[waiting].Len(); w > 0 {
		t.Errorf("%d stations wait, and nobody is asked", w)
	}
	for n := range byte(20) {
		take(b.m.Handle(b.now, Detached{Station: at(n)}))
	}
	for len(asked) > 0 { // about those for whom others made way
		answer(silent)
	}
	if len(b.m.names)+len(b.m.records)+len(b.m.queries)+b.m.line.Len() > 0 {
		t.Errorf("left over: %d names, %d stations, %d questions, %d in line", len(b.m.names), len(b.m.records), len(b.m.queries), b.m.line.Len())
	}
}

func consistent(t *testing.T, m *Machine) {
	t.Helper()
	listed := 0
	for _, s := range m.stations {
		listed += s.Len()
	}
	if listed != len(m.records) || len(m.records) > m.config.MaximumStations || m.cache.len() > m.config.MaximumCached {
		t.Fatalf("%d stations in lists, %d remembered, %d answers kept", listed, len(m.records), m.cache.len())
	}
	for name, set := range m.cache.names {
		for who := range set {
			if m.cache.entries[who] == nil {
				t.Fatalf("%v names an answer that is forgotten", name)
			}
		}
	}
	for _, r := range m.records {
		if r.state == waiting && !r.asks() {
			t.Fatalf("%v waits for nothing", r.MobileNodeID)
		}
		if r.query != 0 && (m.queries[r.query] == nil || m.queries[r.query].record != r) {
			t.Fatalf("%v waits for a question that nobody has", r.MobileNodeID)
		}
	}
	devices := map[mobility.MobileNodeID]*record{}
	for _, r := range m.records {
		if m.config.SeveralMACs != policy.Refuse || !r.holds() || r.user == mobility.NAI("mn3@x") { // who may have several
			continue
		}
		if other := devices[r.user]; other != nil {
			t.Fatalf("two devices of %v are here: %v and %v", r.user, other.LinkLayerID, r.LinkLayerID)
		}
		devices[r.user] = r
	}
	for name, list := range m.names {
		for _, r := range list {
			if m.records[r.Station] != r {
				t.Fatalf("%v names a station that is forgotten", name)
			}
		}
	}
}
