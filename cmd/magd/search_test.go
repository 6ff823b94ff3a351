package main

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mobility"
	"netlmm/mobility/mag"
	"netlmm/mobility/mh"
)

func arrivingFrom(gateway netip.Addr) mag.Handover {
	return mag.Handover{Side: mag.NewMAG, Reactive: true, Interface: "acc0", MobileNodeLinkLayerID: mobility.LinkLayerID(phone), OtherGateway: gateway}
}

// searching is a gateway that the phone has just come to, from nobody knows where, and whom it asked first.
func searching(t *testing.T) (*gateway, chan mag.Event, netip.Addr) {
	cfg := preparing()
	cfg.Handover.Predictive, cfg.Handover.Reactive, cfg.Fallback = false, true, &mobility.Profile{ProxyRegistration: true}
	g, events := newGatewayOf(t, cfg)
	g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkUp{Link: tuple} }))
	attached, ok := next(events).(mag.LinkAttached)
	if !ok {
		t.Fatal("not attached")
	}
	return g, events, attached.PreviousMAG
}

func (g *gateway) refusedBy(gateway netip.Addr) {
	g.handovers.outcome(mag.HandoverFailed{Handover: arrivingFrom(gateway), Reason: mag.HandoverRefused, Code: mh.HandoverContextNotAvailable})
}

// TestTheOtherGatewaysAreAsked one after the other, until one knows the station, or none does.
func TestTheOtherGatewaysAreAsked(t *testing.T) {
	second := mag.RequestContext{Interface: "acc0", MobileNodeLinkLayerID: mobility.LinkLayerID(phone), PreviousMAG: mag3}
	nobody := func(g *gateway) uint64 { return g.counters.Snapshot()[between+"{new_reactive_nobody_knows_it}"] }
	for name, c := range map[string]struct {
		happens func(g *gateway)
		want    []mag.Event // of what happens, and then of a refusal by mag2 and two by mag3
		nobody  uint64
	}{
		"nobody knows it": {func(*gateway) {}, []mag.Event{second}, 1},
		"the first knows it": {func(g *gateway) {
			g.handovers.outcome(mag.HandoverArrived{Handover: arrivingFrom(mag2)})
		}, nil, 0}, // what it refuses is to forward
		"another handover fails": {func(g *gateway) {
			of := arrivingFrom(mag2)
			of.Side = mag.PreviousMAG
			g.handovers.outcome(mag.HandoverFailed{Handover: of, Reason: mag.HandoverRefused})
			g.refusedBy(mag3)
		}, []mag.Event{second}, 1},
		"it takes too long": {func(*gateway) { time.Sleep(searchFor + time.Second) }, nil, 0},
		"it leaves": {func(g *gateway) {
			g.mih.Emit(link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkDown{Link: tuple} }))
			synctest.Wait()
		}, []mag.Event{mag.LinkDetached{Interface: "acc0", MobileNodeLinkLayerID: mobility.LinkLayerID(phone)}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, events, first := searching(t)
				if first != mag2 {
					t.Fatalf("first asked: %v", first)
				}
				c.happens(g)
				for _, gateway := range []netip.Addr{mag2, mag3, mag3} {
					g.refusedBy(gateway)
				}
				for _, want := range append(c.want, nil) {
					if e := next(events); e != want {
						t.Errorf("%+v, want %+v", e, want)
					}
				}
				if n := len(g.handovers.searches.of); n != 0 || nobody(g) != c.nobody {
					t.Errorf("%d searches are left, nobody knew it %d times", n, nobody(g))
				}
			})
		})
	}
}

// TestWhereAStationComesFrom: where it was last is asked first, then where others went to, then the rest, and not too many.
func TestWhereAStationComesFrom(t *testing.T) {
	cfg := preparing()
	n := networkOf(t, cfg)
	want := func(link mih.LinkTupleID, want ...netip.Addr) {
		t.Helper()
		if got := n.origins(link); !slices.Equal(got, want) {
			t.Errorf("from %v, want %v", got, want)
		}
	}
	want(tupleAt(1, 1), mag2, mag3)
	n.moved(tupleAt(5, 1).Link, poa(5))
	want(tupleAt(1, 1), mag3, mag2)
	want(tupleAt(1, 2), mag2, mag3)
	for i := range byte(20) {
		cfg.Gateways = append(cfg.Gateways, gatewayAt("more", netip.AddrFrom4([4]byte{192, 0, 2, i + 1})))
	}
	if got := n.origins(tupleAt(1, 1)); len(got) != maximumSearched {
		t.Errorf("%d gateways", len(got))
	}
}

// TestSearchesArePaced: a crowd of stations that are new here costs the other gateways no more than so many questions.
func TestSearchesArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s searches
		gateways := []netip.Addr{mag2, mag3}
		asked := 0
		for i := range 10 * searchesBurst {
			who := station{"acc0", [6]byte{2, 0, 0, 0, byte(i >> 8), byte(i)}}
			s.begin(who, gateways)
			if next, why := s.failed(who, mag2); next.IsValid() {
				asked++
			} else if why != "search_paced" {
				t.Fatal(why)
			}
		}
		if asked != searchesBurst {
			t.Errorf("%d questions", asked)
		}
		time.Sleep(searchFor + time.Second)
		synctest.Wait()
		if len(s.of) != 0 {
			t.Errorf("%d searches are left", len(s.of))
		}
	})
}

// TestOneOldAccessRouterIsBelieved: when the link event names it nobody else is asked.
func TestOneOldAccessRouterIsBelieved(t *testing.T) {
	cfg := &configs.Magd{}
	*cfg = *preparing()
	cfg.Handover.Reactive = true
	g := &gateway{cfg: cfg}
	h := &g.handovers
	h.g, h.network = g, networkOf(t, cfg)
	ev := mih.LinkUp{Link: tupleAt(1, 1), OldAccessRouter: poa(5)}
	if got := h.previous(mih.Indication{Event: ev}, ev, station{"acc0", phone}); got != mag3 || len(h.searches.of) != 0 {
		t.Errorf("%v, %d searches", got, len(h.searches.of))
	}
	if got := h.previous(mih.Indication{Event: ev, Resync: true}, ev, station{"acc0", phone}); got.IsValid() {
		t.Errorf("a station that was here all the time comes from %v", got)
	}
}
