package mihnode

import (
	"context"
	"time"

	"netlmm/mih/mihf"
)

const (
	defaultTimeout = 300 * time.Millisecond
	minimumTimeout = 100 * time.Millisecond

	askEvery  = 10 * time.Second       // a peer that has not answered
	lookEvery = 200 * time.Millisecond // at the adapters
)

// finder is the user of the machine that asks peers what they are.
const finder = "peers"

// introduce asks every peer who it is and what it can do, until it has answered; and all of them again when this end can do something
// else. A peer learns thereby what this end can do, and that it was started.
func (n *Node) introduce(ctx context.Context) error {
	seen, next := wholeness{capabilities: n.cfg.Capabilities}, time.Time{}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if n.lookAtAdapters(&seen) {
			n.directory.forgetAnswers()
			next = time.Time{}
		}
		if now := time.Now(); n.directory.grown() || !now.Before(next) {
			next = now.Add(askEvery)
			n.askPeers()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// askPeers asks those that have not answered.
func (n *Node) askPeers() {
	for _, e := range n.directory.unanswered() {
		n.askPeer(e)
	}
}

func (n *Node) askPeer(e entry) {
	ask := mihf.Discover{User: mihf.User{Name: finder}, RequestID: e.number, Destination: e.id}
	if ask.Destination == "" {
		ask.Endpoint, ask.Protected = endpointOf(e.MIHPeer), e.Protected
	}
	n.Send(ask)
}

// found takes the answer to a question of findPeers. It says whether it was one.
func (n *Node) found(c mihf.Confirm) bool {
	if c.User.Name != finder {
		return false
	}
	if c.Failure != mihf.NoFailure || c.Source == "" {
		return true
	}
	n.peerSpoke()
	switch e, what := n.directory.answered(c.RequestID, c.Source, n.cfg.MIH.MIHFID); what {
	case taken:
		n.cfg.Counters.Add(Messages, "identifier_taken")
		n.limited.Warn("MIH peer says that it is who another is: give it an identifier of its own", "name", e.Name, "address", e.Address, "mihf_id", c.Source)
	case named:
		n.log.Info("MIH peer says who it is", "name", e.Name, "address", e.Address, "mihf_id", c.Source)
		go n.makeKnown(e) // the queue may be full, and this is its goroutine
	}
	return true
}

// makeKnown makes a peer known that was found.
func (n *Node) makeKnown(e entry) {
	n.Send(mihf.PeerChanged{Peer: peerOf(e.MIHPeer, e.id)})
	n.askPeer(e)
	if !n.directory.has(e.number) { // it went meanwhile
		n.Send(mihf.PeerGone{MIHFID: e.id})
		return
	}
	if n.cfg.Identified != nil {
		n.cfg.Identified(e.MIHPeer, e.id)
	}
}
