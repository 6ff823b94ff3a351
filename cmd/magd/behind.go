package main

import (
	"slices"
	"sync"

	"netlmm/configs"
	"netlmm/mih"
)

// behind knows which access link the stations are on whose links another MIH Function reports.
type behind struct {
	mu    sync.Mutex
	peers map[mih.MIHFID]configs.MIHPeer
}

func (b *behind) learn(id mih.MIHFID, p configs.MIHPeer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.peers == nil {
		b.peers = map[mih.MIHFID]configs.MIHPeer{}
	}
	b.peers[id] = p
}

// place gives an indication of a peer the access link that its stations are on. The reason is empty when the peer is believed
// for its point of attachment; own is this MIH Function, whose link SAPs say where they are.
func (b *behind) place(ind *mih.Indication, own mih.MIHFID) (reason string) {
	if ind.Source == own {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.peers[ind.Source]
	switch {
	case p.Interface == "":
		return "no_access_link_behind_that_peer"
	case len(p.PointsOfAttachment) > 0 && slices.ContainsFunc(pointsOf(ind.Event), func(poa mih.LinkAddress) bool { return !slices.Contains(p.PointsOfAttachment, poa) }):
		return "foreign_point_of_attachment"
	}
	ind.Interface = p.Interface
	return ""
}

// pointsOf are the points of attachment that an event says something of as this peer's own: a completed handover is one to there. Where a
// station is about to go is another network's, and so may be what it hears.
func pointsOf(event mih.LinkEvent) []mih.LinkAddress {
	if _, detected := event.(mih.LinkDetected); detected { // where a station hears, or is heard
		return nil
	}
	points := []mih.LinkAddress{event.LinkTuple().PointOfAttachment}
	if e, ok := event.(mih.LinkHandoverComplete); ok {
		points = append(points, e.NewLink.PointOfAttachment)
	}
	return points
}

// of is what the configuration says of a peer.
func (b *behind) of(id mih.MIHFID) (configs.MIHPeer, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, known := b.peers[id]
	return p, known
}

// access is the access link of a row of the table of links.
func (b *behind) access(source mih.MIHFID, iface string, own mih.MIHFID) string {
	if source == own {
		return iface
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.peers[source].Interface
}
