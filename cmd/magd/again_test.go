package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mobility"
	"netlmm/mobility/engine"
	"netlmm/mobility/mag"
)

// recorder is a MAG's machine that only records what it is told.
type recorder struct{ events chan mag.Event }

func (r recorder) Handle(_ time.Time, e event) []action { r.events <- e.Event; return nil }
func (recorder) Expire(time.Time) []action              { return nil }
func (recorder) NextDeadline() (time.Time, bool)        { return time.Time{}, false }

// newGatewayOf makes a gateway of the parts that take events from link to machine, and runs them until the test ends.
func newGatewayOf(t *testing.T, cfg *configs.Magd) (*gateway, chan mag.Event) {
	t.Helper()
	events := make(chan mag.Event, 100)
	registry := prometheus.NewRegistry()
	g := &gateway{
		log: discard, limited: discard, cfg: cfg, counters: daemon.NewCounters(registry, nil), traces: newTraces(registry), chores: make(chan func(), choreQueue),
		access: map[string]*accessLink{"acc0": {technology: mobility.AccessWLAN, anchorLinkLocal: true}},
	}
	cfg.MaximumMobileNodes, cfg.MIH.MIHFID = 100, "magd"
	if err := g.openMIH(); err != nil {
		t.Fatal(err)
	}
	g.openHandovers()
	g.openPolicy()
	g.engine = engine.New[event, action](recorder{events}, 100, g.execute)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	runs := []func(context.Context) error{g.engine.Run, g.policies.engine.Run, g.doChores}
	if g.handovers.engine != nil {
		runs = append(runs, g.handovers.engine.Run)
	}
	for _, run := range runs {
		go run(ctx)
	}
	for _, task := range g.mih.Tasks() {
		go task.Run(ctx)
	}
	return g, events
}

// next is what the machine is told next, nil when it is told nothing.
func next(events chan mag.Event) mag.Event {
	synctest.Wait()
	select {
	case e := <-events:
		return e
	default:
		return nil
	}
}

var phone = macAddress{2, 0, 0, 0, 0, 1}

func link(event func(mih.LinkTupleID) mih.LinkEvent) mih.Indication {
	tuple := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress(phone)}}
	return mih.Indication{SAP: "test", Interface: "acc0", Identity: "mn1@example.net", ReceivedAt: time.Now(), Event: event(tuple)}
}

// TestAStationThatComesBackAfterItsBindingLapsed: no access point says anything new of it, but its Router Solicitation does.
func TestAStationThatComesBackAfterItsBindingLapsed(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason mag.EndReason
		down   bool // by the access point's word, meanwhile
		want   bool
	}{
		{"presence unknown", mag.EndPresenceUnknown, false, true},
		{"lifetime over", mag.EndLifetimeExpired, false, true},
		{"place taken", mag.EndDisplaced, false, true},
		{"it left", mag.EndPresenceUnknown, true, false},
		{"refused", mag.EndRefused, false, false},
		{"revoked", mag.EndRevoked, false, false},
		{"detached", mag.EndDetached, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, events := newGatewayOf(t, &configs.Magd{MaximumMobileNodes: 10, Policy: configs.Policy{Fallback: &mobility.Profile{ProxyRegistration: true}}})
			g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkUp{Link: tuple} }))
			if _, ok := next(events).(mag.LinkAttached); !ok {
				t.Fatalf("%s: not attached", c.name)
			}
			at := station{"acc0", phone}
			g.sawAgain(at)
			if e := next(events); e != nil {
				t.Errorf("%s: a station with a binding was told of again: %+v", c.name, e)
			}
			g.lapse(mag.BindingEnded{Reason: c.reason, Entry: mobility.BindingUpdateListEntry{Interface: "acc0", MobileNodeLinkLayerID: mobility.LinkLayerID(phone)}})
			if c.down {
				g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkDown{Link: tuple} }))
				next(events)
			}
			g.sawAgain(at)
			again, ok := next(events).(mag.LinkAttached)
			if ok != c.want || ok && (again.MobileNodeID != mobility.NAI("mn1@example.net") || again.Unconfirmed || !again.AnchorLinkLocal) {
				t.Errorf("%s: %v, %+v", c.name, ok, again)
			}
			g.sawAgain(at)
			if e := next(events); e != nil {
				t.Errorf("%s: told of twice: %+v", c.name, e)
			}
		})
	}
}

func TestLapsedStationsAreBounded(t *testing.T) {
	var l lapsed
	for i := range 10 {
		l.add(station{"acc0", [6]byte{2, byte(i)}}, 3)
	}
	if len(l.set) != 3 || !l.take(station{"acc0", [6]byte{2, 0}}) || l.take(station{"acc0", [6]byte{2, 0}}) {
		t.Errorf("%v", l.set)
	}
}

// TestWhatThePolicyMakesOfAnAttachment: IPv4, local routing, static addresses and the offload policy come from the profile.
func TestWhatThePolicyMakesOfAnAttachment(t *testing.T) {
	yes, no := true, false
	offload, err := mobility.NewOffloadPolicy(mobility.OffloadOthers, mobility.TrafficSelector{Protocol: mobility.Numbers(6, 6)})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		profile mobility.Profile
		gateway bool // mag.enable_mag_local_routing
		local   bool
	}{
		{"as the gateway: off", mobility.Profile{}, false, false},
		{"as the gateway: on", mobility.Profile{}, true, true},
		{"the profile wins: on", mobility.Profile{MAGLocalRouting: &yes}, false, true},
		{"the profile wins: off", mobility.Profile{MAGLocalRouting: &no}, true, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			c.profile.ProxyRegistration, c.profile.IPv4Mobility, c.profile.IPv6Prohibited, c.profile.OffloadPolicy = true, true, true, offload
			g, events := newGatewayOf(t, &configs.Magd{MAGLocalRouting: c.gateway, Policy: configs.Policy{Fallback: &c.profile}})
			g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkUp{Link: tuple} }))
			e, ok := next(events).(mag.LinkAttached)
			if !ok || e.LocalRouting != c.local || !e.IPv4Mobility || !e.IPv6Prohibited || e.OffloadPolicy != offload {
				t.Errorf("%s: %+v", c.name, e)
			}
		})
	}
}

// TestATraceOfAnIgnoredAttachmentEnds with the reason.
func TestATraceOfAnIgnoredAttachmentEnds(t *testing.T) {
	core, err := mag.New(coreConfig(&configs.Magd{ProxyCareOfAddress: anchor.Next(), MaximumMobileNodes: 1}, nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	g := &gateway{log: discard, counters: daemon.NewCounters(registry, nil), traces: newTraces(registry)}
	id := g.traces.begin(handoverOfTest)
	for _, a := range (machine{core}).Handle(time.Now(), event{mag.LinkAttached{CorrelationID: id}, time.Now()}) {
		g.execute(a)
	}
	if got := g.traces.newest(1)[0].Outcome; got != string(mag.DropInvalidAttachment) {
		t.Errorf("outcome %q", got)
	}
}

func TestTheOperatorHasMobileNodesRegisteredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newGatewayOf(t, &configs.Magd{})
		var err error
		if g.core, err = mag.New(coreConfig(&configs.Magd{ProxyCareOfAddress: anchor.Next(), MaximumMobileNodes: 1}, nil, nil)); err != nil {
			t.Fatal(err)
		}
		ask := func(mobileNode string) {
			if begun, err := g.registerAgain(context.Background(), daemon.Parameters{"mobile_node": {mobileNode}}); err != nil || begun != (api.Registrations{}) {
				t.Error(begun, err)
			}
		}
		ask("mn1@example.net")
		if got, want := next(events), (mag.AdministrativeAction{MobileNodeID: mobility.NAI("mn1@example.net")}); got != want {
			t.Errorf("%+v", got)
		}
		ask("")
		if got := next(events); got != (mag.AdministrativeAction{}) {
			t.Errorf("%+v", got)
		}
		if got := next(events); got != (mag.ClockSynchronized{}) {
			t.Errorf("%+v", got)
		}
	})
}

// TestPolicyDecidesWhoIsServed: who has no profile, or one without proxy registration, gets no update sent for it, and what its
// station had before ends (RFC 5213 section 6.6).
func TestPolicyDecidesWhoIsServed(t *testing.T) {
	for name, cfg := range map[string]*configs.Magd{
		"not known here": {},
		"not enabled":    {Policy: configs.Policy{Profiles: []mobility.Profile{{MobileNodeID: mobility.NAI("mn1@example.net")}}, Fallback: &mobility.Profile{ProxyRegistration: true}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			g, events := newGatewayOf(t, cfg)
			g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkUp{Link: tuple} }))
			if got := next(events); got != (mag.LinkDetached{Interface: "acc0", MobileNodeLinkLayerID: mobility.LinkLayerID(phone)}) {
				t.Errorf("%s: %+v", name, got)
			}
			if got := next(events); got != nil || len(g.traces.newest(0)) != 0 {
				t.Errorf("%s: %+v, traces %+v", name, got, g.traces.newest(0))
			}
		})
	}
}

// TestAStationWithAnotherThanAMACAddress: a remote MIH Function may report a cell; no access link has such a mobile node.
func TestAStationWithAnotherThanAMACAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, events := newGatewayOf(t, &configs.Magd{MaximumMobileNodes: 10, Policy: configs.Policy{Fallback: &mobility.Profile{ProxyRegistration: true}}})
		g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent {
			tuple.Link.Address = mih.Cell3G([3]byte{0, 0xf1, 0x10}, 7)
			return mih.LinkUp{Link: tuple}
		}))
		if e := next(events); e != nil {
			t.Errorf("told of it: %+v", e)
		}
		counted := false
		for name, n := range g.counters.Snapshot() {
			counted = counted || strings.Contains(name, "no_mac_address") && n == 1
		}
		if !counted {
			t.Errorf("not counted: %v", g.counters.Snapshot())
		}
	})
}
