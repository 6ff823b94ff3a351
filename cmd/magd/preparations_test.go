package main

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/mih"
	"netlmm/mih/handover"
	"netlmm/mobility"
	"netlmm/mobility/mag"
)

func leavingTo(gateway netip.Addr) mag.Handover {
	return mag.Handover{Side: mag.PreviousMAG, MobileNodeLinkLayerID: mobility.LinkLayerID(phone), OtherGateway: gateway}
}

// TestTheSecondGatewayOfAHandover: it is prepared like the first, and what the machine still says of the first is not taken for it.
func TestTheSecondGatewayOfAHandover(t *testing.T) {
	var p preparations
	linkID, id := mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress(phone)}, mobility.LinkLayerID(phone)
	now := time.Unix(1000, 0)
	p.begun(linkID, now)
	if !p.unprepared(id) {
		t.Error("not under way")
	}
	p.preparing(linkID, id, "acc0", mag2, now)
	p.prepareSent(id)
	if _, known := p.answered(leavingTo(mag2), false, "refused", now); !known || !p.unprepared(id) {
		t.Errorf("the first answer: known %v", known)
	}
	p.preparing(linkID, id, "acc0", mag3, now)
	p.prepareSent(id)
	if _, known := p.answered(leavingTo(mag2), false, "unanswered", now); known {
		t.Error("a late answer was taken for the second gateway's")
	}
	p.endedBy(leavingTo(mag2), "superseded")
	if l, known := p.answered(leavingTo(mag3), true, "prepared", now.Add(time.Second)); !known || l != linkID {
		t.Error("the second answer is not known")
	}
	p.endedBy(leavingTo(mag3), completed)
	p.ended(id, string(handover.NeverCame))
	if l := p.list(); len(l) != 1 || l[0].Outcome != completed || l[0].To != mag3 || l[0].Prepared != 1000 {
		t.Errorf("%+v", l)
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
		}, []mag.Event{mag.PrepareHandover{Interface: "acc0", MobileNodeLinkLayerID: id, NewMAG: mag2}, detached}},
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
