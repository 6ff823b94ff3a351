package main

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mih/wire"
	"netlmm/mobility"
	"netlmm/mobility/mag"
)

func leavingTo(gateway netip.Addr, correlation mobility.CorrelationID) mag.Handover {
	return mag.Handover{CorrelationID: correlation, Side: mag.PreviousMAG, MobileNodeLinkLayerID: mobility.LinkLayerID(phone), OtherGateway: gateway}
}

// TestTheSecondAttemptOfAHandover, at another gateway or at the same one: it is prepared like the first, and what the machine still says of the
// first is not taken for it.
func TestTheSecondAttemptOfAHandover(t *testing.T) {
	for name, second := range map[string]netip.Addr{"another gateway": mag3, "the same gateway": mag2} {
		t.Run(name, func(t *testing.T) {
			var p preparations
			linkID, id := mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress(phone)}, mobility.LinkLayerID(phone)
			now := time.Unix(1000, 0)
			attempt := func(n uint64) handover.Prepare { return handover.Prepare{ID: n, Link: linkID, Interface: "acc0"} }
			p.begun(linkID, now)
			if _, known := p.answered(leavingTo(mag2, 0), true, "prepared", now); !p.unprepared(id) || known {
				t.Error("not under way")
			}
			p.preparing(attempt(7), id, mag2, 17, now)
			p.prepareSent(id)
			if p.named(id, 7) != 17 || p.named(id, 8) != 0 || p.named(mobility.LinkLayerID([6]byte{2}), 7) != 0 {
				t.Error("the first attempt has another name")
			}
			if _, known := p.answered(leavingTo(mag2, 17), false, "refused", now); !known || !p.unprepared(id) {
				t.Errorf("the first answer: known %v", known)
			}
			p.preparing(attempt(8), id, second, 18, now)
			p.prepareSent(id)
			if _, known := p.answered(leavingTo(mag2, 17), false, "unanswered", now); known || p.named(id, 7) != 0 {
				t.Error("a late answer was taken for the second attempt's")
			}
			p.endedBy(leavingTo(mag2, 17), "superseded")
			if asked, known := p.answered(leavingTo(second, 18), true, "prepared", now.Add(time.Second)); !known || asked != attempt(8) {
				t.Error("the second answer is not known")
			}
			p.endedBy(leavingTo(second, 18), completed)
			p.ended(id, string(handover.NeverCame))
			if l := p.list(); len(l) != 1 || l[0].Outcome != completed || l[0].To != second || l[0].Prepared != 1000 || l[0].CorrelationID != 18 {
				t.Errorf("%+v", l)
			}
		})
	}
}

// TestTooManyPreparations forget the oldest, and not those in flight.
func TestTooManyPreparations(t *testing.T) {
	var p preparations
	for i := range remembered + 10 {
		p.begun(mih.LinkID{Address: mih.MACAddress([6]byte{2, 0, 0, 0, byte(i >> 8), byte(i)})}, time.Time{})
	}
	newest := mobility.LinkLayerID([6]byte{2, 0, 0, 0, byte((remembered + 9) >> 8), byte((remembered + 9) & 0xff)})
	if len(p.of) != remembered || len(p.ring) != remembered || !p.unprepared(newest) || p.unprepared(mobility.LinkLayerID([6]byte{2})) {
		t.Errorf("%d stations, %d records", len(p.of), len(p.ring))
	}
}

// TestHandoversThatEndUnprepared do not wait for ever.
func TestHandoversThatEndUnprepared(t *testing.T) {
	linkID := mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress(phone)}
	for _, reason := range []handover.Reason{handover.LocalTarget, handover.NotPrepared, handover.NoCandidate, handover.NeverCame, handover.Mispredicted, handover.Withdrawn} {
		var h handovers
		h.record(handover.Note{Reason: handover.Begun, Link: linkID})
		h.record(handover.Note{Reason: handover.Declined, Link: linkID})
		h.record(handover.Note{Reason: reason, Link: linkID})
		if l := h.records.list(); len(l) != 1 || l[0].Outcome != string(reason) || h.records.unprepared(mobility.LinkLayerID(phone)) {
			t.Errorf("%s: %+v", reason, l)
		}
	}
}

// TestAStationThatLeavesBeforeItsPacketsAreHandedOver: the machine hears of it after it was told to prepare the handover, a while later, or
// not at all when the station is back.
func TestAStationThatLeavesBeforeItsPacketsAreHandedOver(t *testing.T) {
	down := link(func(tuple mih.LinkTupleID) mih.LinkEvent { return mih.LinkDown{Link: tuple} })
	linkID, id := down.Event.LinkTuple().Link, mobility.LinkLayerID(phone)
	detached := mag.LinkDetached{Interface: "acc0", MobileNodeLinkLayerID: id}
	for name, c := range map[string]struct {
		meanwhile func(g *gateway)
		want      []mag.Event
	}{
		"prepared": {func(g *gateway) {
			g.handovers.prepare(handover.Prepare{Link: linkID, Interface: "acc0", Target: handover.Candidate{PointOfAttachment: poa(3), MIHFID: "mihf.mag2"}})
		}, []mag.Event{mag.PrepareHandover{CorrelationID: 1, Interface: "acc0", MobileNodeLinkLayerID: id, NewMAG: mag2}, detached}},
		"no answer": {func(*gateway) { time.Sleep(departureDelay) }, []mag.Event{detached}},
		"back": {func(g *gateway) {
			g.handovers.departures.returned(station{"acc0", phone})
			time.Sleep(time.Second)
		}, nil},
		"over": {func(g *gateway) {
			g.handovers.records.ended(id, completed)
			g.left(station{"acc0", [6]byte{2, 9}}, time.Now())
			time.Sleep(departureDelay)
		}, []mag.Event{mag.LinkDetached{Interface: "acc0", MobileNodeLinkLayerID: mobility.LinkLayerID([6]byte{2, 9})}, detached}},
	} {
		synctest.Test(t, func(t *testing.T) {
			cfg := preparing()
			cfg.Handover.Predictive = true
			g, events := newGatewayOf(t, cfg)
			g.handovers.records.begun(linkID, time.Now())
			g.mih.Emit(down)
			if e := next(events); e != nil {
				t.Errorf("%s: told at once: %+v", name, e)
			}
			c.meanwhile(g)
			for _, want := range append(c.want, nil) {
				if e := next(events); e != want {
					t.Errorf("%s: %+v, want %+v", name, e, want)
				}
			}
			if n := len(g.handovers.departures.timers); n > 0 {
				t.Errorf("%s: %d timers are left", name, n)
			}
		})
	}
}

// TestWhoPreparesNothingNegotiatesNothing: other networks learn so from the MIH Function, which has nobody to ask.
func TestWhoPreparesNothingNegotiatesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := preparing()
		cfg.Handover.Predictive = false
		g, _ := newGatewayOf(t, cfg)
		if g.handovers.engine != nil {
			t.Error("there is a controller of handovers")
		}
		answer, err := g.mih.Ask(t.Context(), "", wire.N2NHOQueryResourcesRequest{})
		if err == nil {
			t.Errorf("a query for resources is answered: %+v", answer)
		}
	})
}
