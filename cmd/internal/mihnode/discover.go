package mihnode

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"netlmm/mih/mihf"
)

const (
	defaultTimeout = 300 * time.Millisecond
	minimumTimeout = 100 * time.Millisecond

	askEvery = 10 * time.Second // a peer whose identifier is not known
)

// finder is the user of the machine that asks peers for their identifier.
const finder = "peers"

// findPeers asks the peers that are known by their address only who they are, until they have said so.
func (n *Node) findPeers(ctx context.Context) error {
	asked := map[int]bool{}
	for i, p := range n.cfg.MIH.Peers {
		asked[i] = p.MIHFID == ""
	}
	for {
		if !slices.Contains(slices.Collect(maps.Values(asked)), true) {
			<-ctx.Done()
			return nil
		}
		for i, p := range n.cfg.MIH.Peers {
			if asked[i] {
				n.Send(mihf.Discover{User: mihf.User{Name: finder}, RequestID: uint64(i), Endpoint: endpointOf(p)})
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(askEvery):
		}
		n.identified.each(func(i int) { asked[i] = false })
	}
}

// identified are the peers that said who they are.
type identified struct {
	mu   sync.Mutex
	list []int
}

func (d *identified) add(i int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = append(d.list, i)
}

func (d *identified) each(f func(i int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range d.list {
		f(i)
	}
	d.list = nil
}

// found takes the answer to a question of findPeers. It says whether it was one.
func (n *Node) found(c mihf.Confirm) bool {
	if c.User.Name != finder {
		return false
	}
	i := int(c.RequestID)
	if c.Failure != mihf.NoFailure || c.Source == "" || i >= len(n.cfg.MIH.Peers) {
		return true
	}
	p := n.cfg.MIH.Peers[i]
	n.log.Info("MIH peer says who it is", "name", p.Name, "mihf_id", c.Source)
	n.identified.add(i)
	peer := peerOf(p, c.Source)
	n.Post(mihf.PeerChanged{Peer: peer})
	if n.cfg.Identified != nil {
		n.cfg.Identified(p.Name, c.Source)
	}
	return true
}
