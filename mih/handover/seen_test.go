package handover

import (
	"fmt"
	"testing"
	"time"

	"netlmm/mih"
)

// TestIdentitiesAreThoseOfStationsThatAreHere: one that a station had before, or that left, is nobody's.
func TestIdentitiesAreThoseOfStationsThatAreHere(t *testing.T) {
	c := newCampus(t, 1, nil)
	n := c.order[0]
	tuple := mih.LinkTupleID{Link: station, PointOfAttachment: n.poa}
	for i := range 1000 {
		c.event(n, Indicated{mih.Indication{Source: n.id, Interface: "acc0", Identity: fmt.Sprintf("mn%d", i), Event: mih.LinkUp{Link: tuple}}})
	}
	if link, iface := n.seen.linkOf("mn999"); len(n.seen.named) != 1 || link != tuple || iface != "acc0" {
		t.Errorf("%d are named, the last is %v on %q", len(n.seen.named), link, iface)
	}
	c.event(n, Indicated{mih.Indication{Source: n.id, Interface: "acc0", Event: mih.LinkDown{Link: tuple}}})
	if link, _ := n.seen.linkOf("mn999"); len(n.seen.named) != 0 || !link.Link.Address.IsZero() {
		t.Errorf("%d are named, one who left is at %v", len(n.seen.named), link)
	}
}

// goes is the whole move of the station from n0 to another network, which n0 hears of from that one only.
func (c *campus) goes(to int) {
	c.goingDown()
	c.pass(60 * time.Millisecond)
	c.event(c.order[0], c.order[0].ready(true))
	c.event(c.order[to], c.order[to].ind(mih.LinkUp{Link: c.order[to].tuple()}))
}

// TestWhereAStationWentBefore, to another network, speaks for that one the next time.
func TestWhereAStationWentBefore(t *testing.T) {
	c := attached(t, 3, nil)
	c.deaf["n1"] = true
	c.goes(2)
	c.deaf["n1"] = false
	c.event(c.order[0], c.order[0].ind(mih.LinkUp{Link: c.order[0].tuple()}))
	c.order[0].said = nil
	c.goingDown()
	c.want(0, "handover_begun", "prepare n2")
}

// TestAStationThatWentIsHereNoMore, though its old access point has not noticed.
func TestAStationThatWentIsHereNoMore(t *testing.T) {
	c := attached(t, 2, full)
	n := c.order[0]
	c.goes(1)
	if load := n.load(n.poa); load != 0 || len(n.seen.here) != 0 || len(n.seen.named) != 0 {
		t.Errorf("load %d, %d are here", load, len(n.seen.here))
	}
}

// TestItsOwnAccessPointsDisplaceNobody: a station that may well go elsewhere is prepared for, as long as nothing says that it stays in the network.
func TestItsOwnAccessPointsDisplaceNobody(t *testing.T) {
	c := attached(t, 2, func(cfg *Config) { full(cfg); local(cfg) })
	c.crowd(1, 9)
	c.goingDown()
	c.want(0, "handover_begun", "prepare n1")
}

// TestASlowCandidateHoldsNobodyUp: one that agreed is prepared in good time, or at once when the link is gone.
func TestASlowCandidateHoldsNobodyUp(t *testing.T) {
	c := attached(t, 3, nil)
	c.deaf["n2"] = true
	n := c.order[0]
	c.event(n, n.ind(mih.LinkGoingDown{Link: n.tuple(), TimeInterval: 40 * time.Millisecond}))
	c.pass(21 * time.Millisecond)
	c.want(0, "handover_begun", "candidate_did_not_answer", "prepare n1")
}
