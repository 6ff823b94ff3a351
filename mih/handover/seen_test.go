package handover

import (
	"fmt"
	"testing"

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
