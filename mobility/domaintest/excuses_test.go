package domaintest

import (
	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mag"
)

// excuse is why a host need not be served where it is before its MAG extends its binding: the protocol has no means by which
// anybody could find out earlier. It is given for what happened to the host itself, and ends when the anchor takes its PBU from
// where it is.
type excuse string

const (
	none excuse = ""

	// Without timestamps a PBU says nothing of whether it is older than one of another MAG: one that was late on its way takes
	// the binding away (RFC 5213 section 5.5 has sequence numbers count within one MAG only, unless something else makes them
	// the domain's).
	disordered excuse = "a PBU of another MAG arrived late, and nothing says so"
	// With them, one whose MAG had a clock that was ahead is younger than it should be, within the window, and one whose was behind is older
	// than those before; an anchor whose clock was set back has nothing to compare with.
	misdated excuse = "a PBU of another MAG arrived late, and a clock was wrong by which it was found to be the newer one"
	// A MAG that starts again counts from the beginning. The number of a PBU of before is one of after as well, to the anchor
	// and in the answer to it: what the one believes of the binding need not be what the other has. A clock that was set back can make
	// the timestamps in two answers the same as well.
	outlived excuse = "a PBU, or its answer, arrived that is of before its MAG was started again, and its number says nothing of that"
	// What waited for an SA goes out at once for a host that was seen a moment before, see seenLately.
	late excuse = "a MAG sent a PBU for it that had waited, when it had gone on a moment ago"
	// RFC 5846 section 6.3: the anchor cleans up, and the MAG, which heard of nothing, does not.
	unanswered excuse = "its binding was revoked, and its MAG heard nothing of it"
	// RFC 5213 section 6.9.1.2, 6: an answer with another mobile node's identifier ends it until an administrative action. By a clock that was
	// set back, and after a restart, number and timestamp are those of an earlier PBU. It does not end before the host attaches anew.
	mistaken excuse = "an answer to a PBU of before, for another mobile node, was taken for that to its own"
	// RFC 5213 section 6.9.1.2, 7: so does a refused extension of what is being revoked, where its MAG has no binding any more that the
	// indication could end.
	prohibited excuse = "its extension was refused while it was being revoked"
	// RFC 5847 section 3.2: a counter says something to those who know the one before.
	untold excuse = "the anchor lost its binding, before its MAG had heard the restart counter that is another one now"
	// Its gateway counts the lifetime by a clock of its own, and the anchor has no reason to say that it lost something.
	ended excuse = "its lifetime ended by the clock of the anchor, which was stopped meanwhile"
)

// excuseMisplaced looks where the anchor has a binding now, and why it is not where the host is.
func (d *domain) excuseMisplaced(e mobility.BindingCacheEntry) {
	h := d.hostWith(e.MobileNodeLinkLayerID)
	if e.State == "revoking" && h.at != nil && h.at.address == e.ProxyCareOfAddress {
		h.revoking = true
	}
	if e.State != "registered" {
		return
	}
	before, now := d.misdated[h.node], d.arriving != nil && d.arriving.off != 0
	d.misdated[h.node] = now
	switch {
	case h.at != nil && h.at.address == e.ProxyCareOfAddress:
		if h.excuse != outlived { // what the MAG made of the answer to another PBU, this does not mend
			h.excuse = none
		}
	case d.sequences:
		h.excuse = disordered
	case d.arriving != nil && d.arriving.late:
		h.excuse = late
	case before || now || d.disordered:
		h.excuse = misdated
	}
}

// excuseOutlived: see outlived. What is made of p has been made of it.
func (d *domain) excuseOutlived(p packet) {
	if !d.sequences && !d.stepped || p.run == d.gatewayOf(p).counter {
		return
	}
	id := exchangeOf(d.gatewayOf(p), p.payload).id
	for _, h := range d.hosts { // one interface may wait for another one's de-registration
		if h.id() == id {
			h.excuse = outlived
		}
	}
}

// excuseUnanswered: see unanswered.
func (d *domain) excuseUnanswered(a lma.RevocationEnded) {
	for _, h := range d.hosts {
		concerned := h.at != nil && h.at.address == a.ProxyCareOfAddress && (a.MobileNodeID.IsZero() || a.MobileNodeID == h.id())
		if concerned {
			h.forgetRevocation(a.Answered)
		}
	}
}

// excuseForgotten is the same for an anchor that is started again: of what it has not stored, or what has moved on, nobody is told any more.
func (d *domain) excuseForgotten() {
	for _, h := range d.hosts {
		h.forgetRevocation(false)
	}
}

func (h *host) forgetRevocation(answered bool) {
	if h.revoking && !answered && !h.revoked {
		h.excuse = unanswered
	}
	h.revoking = false
}

// excuseMistaken: see mistaken.
func (d *domain) excuseMistaken(g *gateway) {
	for _, e := range g.mag.Snapshot() {
		if d.stepped && e.State == mag.Refused.String() {
			d.hostWith(e.MobileNodeLinkLayerID).excuse = mistaken
		}
	}
}

// excuseUntold: see untold.
func (d *domain) excuseUntold() {
	for _, h := range d.hosts {
		if h.at == nil {
			continue
		}
		if _, known := h.at.known[lmaAddress]; !known {
			h.excuse = untold
		}
	}
}
