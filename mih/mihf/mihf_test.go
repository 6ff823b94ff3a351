package mihf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

var (
	t0   = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	mag  = User{"magd@ar1.example.net", "mag"}
	all  = mih.Events(mih.EventLinkDetected, mih.EventLinkUp, mih.EventLinkDown, mih.EventLinkParametersReport, mih.EventLinkGoingDown)
	apA  = place{"wlan0", mih.MACAddress([6]byte{2, 0xa})}
	apB  = place{"wlan1", mih.MACAddress([6]byte{2, 0xb})}
	apB2 = place{"wlan1", mih.MACAddress([6]byte{2, 0xc})} // a second point of attachment on one interface
)

type place struct {
	iface string
	poa   mih.LinkAddress
}

func station(i int) mih.LinkAddress {
	return mih.MACAddress([6]byte{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)})
}

func (p place) tuple(i int) mih.LinkTupleID {
	return mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: station(i)}, PointOfAttachment: p.poa}
}

func (p place) ind(ev mih.LinkEvent) mih.Indication {
	return mih.Indication{SAP: "test", Interface: p.iface, Event: ev}
}

func (p place) up(i int) mih.Indication { return p.ind(mih.LinkUp{Link: p.tuple(i)}) }
func (p place) down(i int) mih.Indication {
	return p.ind(mih.LinkDown{Link: p.tuple(i)})
}
func (p place) goingDown(i int, in time.Duration) mih.Indication {
	return p.ind(mih.LinkGoingDown{Link: p.tuple(i), TimeInterval: in})
}

// found is the Link_Up of a resync of an association that began at since.
func (p place) found(i int, since time.Time) mih.Indication {
	ind := p.up(i)
	ind.Resync, ind.Since = true, since
	return ind
}

func as(ind mih.Indication, identity string) mih.Indication {
	ind.Identity = identity
	return ind
}

func subscribed(cfg Config) *MIHF {
	cfg.MIHFID = mag.MIHF
	m := New(cfg)
	m.Handle(t0, EventSubscribe{User: mag, Events: all})
	return m
}

// trace is the actions in a line of text.
func trace(actions []Action) string {
	var out []string
	for _, a := range actions {
		switch a := a.(type) {
		case Deliver:
			ind := a.Indication
			s := fmt.Sprintf("%s<-%s@%s", a.User.Name, ind.Event.EventType(), ind.Interface)
			if ind.Identity != "" {
				s += "(" + ind.Identity + ")"
			}
			out = append(out, s)
		case Ignored:
			out = append(out, string(a.Reason))
		case EventSubscribeConfirm:
			out = append(out, fmt.Sprintf("confirm %d %05b", a.Status, a.Events))
		}
	}
	return strings.Join(out, " ")
}

func TestNormalisation(t *testing.T) {
	type step struct {
		at   time.Duration
		ind  mih.Indication
		want string
	}
	upA, upB, downA, downB := "mag<-Link_Up@wlan0", "mag<-Link_Up@wlan1", "mag<-Link_Down@wlan0", "mag<-Link_Down@wlan1"
	for name, steps := range map[string][]step{
		"every association that was seen is delivered": {
			{0, apA.up(1), upA}, {time.Second, apA.up(1), upA}, {2 * time.Second, apA.down(1), downA}, {3 * time.Second, apA.up(1), upA}},
		"a move supersedes, and the late loss does not tear it down": {
			{0, apA.up(1), upA}, {1, apB.up(1), upB}, {2, apA.down(1), "former_attachment"}, {3, apB.down(1), downB}},
		"a move between two points of attachment on one interface": {
			{0, apB.up(1), upB}, {1, apB2.up(1), upB}, {2, apB.down(1), "former_attachment"}, {3, apB2.down(1), downB}},
		"a loss whose point of attachment is not known": {
			{0, apB.up(1), upB}, {1, place{"wlan1", mih.MACAddress([6]byte{})}.down(1), downB}},
		"a second report of one loss": {
			{0, apA.up(1), upA}, {1, apA.down(1), downA}, {2, apA.down(1), "already_down"}},
		"a loss of an unknown station: a user may know it": {
			{0, apA.down(1), downA}},
		"a resync of what is known": {
			{0, apA.up(1), upA}, {time.Minute, apA.found(1, t0), "resync_unchanged"}, {time.Minute, apA.found(1, time.Time{}), "resync_unchanged"},
			{time.Minute, apA.found(1, t0.Add(sinceResolution)), "resync_unchanged"}},
		"a resync finds a younger association, a lost event": {
			{0, apA.up(1), upA}, {time.Minute, apA.found(1, t0.Add(30*time.Second)), upA}, {time.Minute, apA.found(1, t0.Add(30*time.Second)), "resync_unchanged"}},
		"a resync finds another identity": {
			{0, as(apA.up(1), "a"), upA + "(a)"}, {1, as(apA.found(1, t0), "b"), upA + "(b)"}, {2, apA.down(1), downA + "(b)"}},
		"a resync of an access point that the station left unnoticed": {
			{0, apA.up(1), upA}, {time.Minute, apB.up(1), upB}, {2 * time.Minute, apA.found(1, t0), "resync_outdated"},
			{3 * time.Minute, apA.found(1, t0.Add(150*time.Second)), upA}},
		"the start, when both access points list the station": {
			{0, apA.found(1, t0.Add(-time.Hour)), upA}, {0, apB.found(1, t0.Add(-time.Minute)), upB}, {0, apA.found(1, t0.Add(-time.Hour)), "resync_outdated"}},
		"a resync after the loss": {
			{0, apA.up(1), upA}, {1, apA.down(1), downA}, {2, apA.found(1, t0), upA}},
		"going down": {
			{0, apA.goingDown(1, time.Second), "mag<-Link_Going_Down@wlan0"}, {0, as(apA.up(1), "a"), upA + "(a)"}, {0, apB.goingDown(1, time.Second), "former_attachment"},
			{0, apA.goingDown(1, time.Second), "mag<-Link_Going_Down@wlan0(a)"}, {1, apA.down(1), downA + "(a)"}},
		"no station": {{0, apA.ind(mih.LinkUp{}), "no_station_address"}, {0, mih.Indication{}, "unknown_event"}},
		"seen":       {{0, apA.ind(mih.LinkDetected{Link: apA.tuple(1)}), "mag<-Link_Detected@wlan0"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := subscribed(Config{})
			for i, s := range steps {
				if got := trace(m.Handle(t0.Add(s.at), SAPIndication{s.ind})); got != s.want {
					t.Fatalf("step %d: got %q, want %q", i, got, s.want)
				}
			}
		})
	}
}

func TestLinksAndTimers(t *testing.T) {
	m := subscribed(Config{DownRetention: time.Minute})
	if _, ok := m.NextDeadline(); ok {
		t.Error("a deadline without links")
	}
	m.Handle(t0, SAPIndication{as(apA.up(2), "mn2@example.net")})
	m.Handle(t0, SAPIndication{apA.up(1)})
	m.Handle(t0, SAPIndication{apA.ind(mih.LinkParametersReport{Link: apA.tuple(1), Parameters: []mih.LinkParameterReport{{LinkParameter: mih.LinkParameter{Type: mih.Parameter80211RSSI, Value: -71}}}})})
	m.Handle(t0, SAPIndication{apA.goingDown(1, 5*time.Second)})
	m.Handle(t0, SAPIndication{apA.down(2)})
	states := func() string {
		var out []string
		for _, l := range m.Links() {
			out = append(out, fmt.Sprintf("%d:%s:%s:%d", l.Station.AppendOctets(nil)[5], l.State, l.Identity, l.SignalStrength))
		}
		return strings.Join(out, " ")
	}
	check := func(want string, deadline time.Duration) {
		t.Helper()
		if got := states(); got != want {
			t.Errorf("links %q, want %q", got, want)
		}
		at, ok := m.NextDeadline()
		if ok != (deadline != 0) || ok && !at.Equal(t0.Add(deadline)) {
			t.Errorf("deadline %v %t, want %v", at.Sub(t0), ok, deadline)
		}
	}
	check("1:going_down::-71 2:down:mn2@example.net:0", 5*time.Second)
	m.Expire(t0.Add(5 * time.Second)) // it did not go down
	check("1:up::-71 2:down:mn2@example.net:0", time.Minute)
	m.Expire(t0.Add(time.Minute))
	check("1:up::-71", 0)
}

func TestTableIsBounded(t *testing.T) {
	m := subscribed(Config{MaximumLinks: 2})
	m.Handle(t0, SAPIndication{apA.up(1)})
	m.Handle(t0, SAPIndication{apA.up(2)})
	if got := trace(m.Handle(t0, SAPIndication{apA.up(3)})); got != "maximum_links_reached" {
		t.Errorf("a third link: %q", got)
	}
	m.Handle(t0, SAPIndication{apA.down(1)})
	if got := trace(m.Handle(t0, SAPIndication{apA.up(3)})); got != "mag<-Link_Up@wlan0" {
		t.Errorf("a third link in the place of one that is down: %q", got)
	}
	if n := len(m.Links()); n != 2 {
		t.Errorf("%d links, want 2", n)
	}
}

func TestSubscriptions(t *testing.T) {
	m := New(Config{MIHFID: mag.MIHF, MaximumSubscriptions: 3})
	other := User{"mihd@ap2.example.net", ""} // a remote MIH Function is a user like another
	ups := mih.Events(mih.EventLinkUp)
	onA := mih.LinkTupleID{PointOfAttachment: apA.poa}
	step := func(ev Event, want string) {
		t.Helper()
		if got := trace(m.Handle(t0, ev)); got != want {
			t.Errorf("%T: got %q, want %q", ev, got, want)
		}
	}
	step(SAPIndication{apA.up(1)}, "no_subscriber")
	step(EventSubscribe{User: mag, Events: ups}, "confirm 0 00010")
	step(EventSubscribe{User: mag, Events: mih.Events(mih.EventLinkDown, 17)}, "confirm 0 00110")
	step(EventSubscribe{User: mag, Link: onA, Events: ups}, "confirm 0 00010")
	step(EventSubscribe{User: other, Link: onA, Events: ups}, "confirm 0 00010")
	step(EventSubscribe{User: other, Events: ups}, "confirm 2 00000") // full
	step(EventSubscribe{User: mag, Events: mih.Events(17)}, "confirm 2 00000")
	step(SAPIndication{apA.up(1)}, "mag<-Link_Up@wlan0 <-Link_Up@wlan0")
	step(SAPIndication{apB.up(2)}, "mag<-Link_Up@wlan1")
	step(SAPIndication{apA.goingDown(1, 1)}, "no_subscriber")
	step(EventUnsubscribe{User: other, Link: onA, Events: all}, "confirm 0 00000")
	step(EventUnsubscribe{User: other, Link: onA, Events: all}, "confirm 2 00000")
	step(EventUnsubscribe{User: mag, Events: ups}, "confirm 0 00100")
	step(SAPIndication{apB.up(2)}, "no_subscriber")
	step(SAPIndication{apA.up(1)}, "mag<-Link_Up@wlan0")
	step(SAPIndication{apB.down(2)}, "mag<-Link_Down@wlan1")
}

// TestUsersViewIsTheTable: a user that follows Link_Up and Link_Down blindly ends up with what Links says, whatever comes
// from the SAPs; and every row is in the timer of its state.
func TestUsersViewIsTheTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	m := subscribed(Config{MaximumLinks: 6, DownRetention: time.Minute})
	view := map[mih.LinkAddress]string{}
	now := t0
	for range 20000 {
		now = now.Add(time.Duration(rng.IntN(3000)) * time.Millisecond)
		ap, i := []place{apA, apB, apB2}[rng.IntN(3)], rng.IntN(8)
		ind := []mih.Indication{ap.up(i), ap.down(i), ap.goingDown(i, time.Second), ap.found(i, now.Add(-time.Duration(rng.IntN(20))*time.Second))}[rng.IntN(4)]
		for _, a := range m.Handle(now, SAPIndication{ind}) {
			if d, ok := a.(Deliver); ok {
				tuple := d.Indication.Event.LinkTuple()
				switch d.Indication.Event.(type) {
				case mih.LinkUp:
					view[tuple.Link.Address] = d.Indication.Interface + tuple.PointOfAttachment.String()
				case mih.LinkDown:
					delete(view, tuple.Link.Address)
				}
			}
		}
		if rng.IntN(4) == 0 {
			m.Expire(now)
			if at, ok := m.NextDeadline(); ok && !at.After(now) {
				t.Fatalf("deadline %v is still due", at)
			}
		}
		table := map[mih.LinkAddress]string{}
		down := 0
		for _, l := range m.Links() {
			if l.State == LinkDown {
				down++
				continue
			}
			table[l.Station] = l.Interface + l.PointOfAttachment.String()
		}
		if fmt.Sprint(table) != fmt.Sprint(view) {
			t.Fatalf("the user's view %v is not the table %v", view, table)
		}
		going := slices.Collect(func(yield func(*link) bool) {
			for _, l := range m.links {
				if l.State == LinkGoingDown && !yield(l) {
					return
				}
			}
		})
		if down != m.down.Len() || len(going) != m.timers.Len() || len(m.links) > 6 {
			t.Fatalf("%d links, %d down and %d going down; timers hold %d and %d", len(m.links), down, len(going), m.down.Len(), m.timers.Len())
		}
	}
}

func BenchmarkLinkUp(b *testing.B) {
	m := subscribed(Config{MaximumLinks: 100000})
	for i := range 50000 {
		m.Handle(t0, SAPIndication{apA.up(i + 1)})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Handle(t0, SAPIndication{apB.up(i%50000 + 1)})
	}
}
