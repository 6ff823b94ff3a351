package signaling

import (
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
)

// sourcePorts remembers the port that a peer sent from last over IPv4, where it is not Port: answers go back to it (RFC 5844
// section 4.1.3.2). Those of a gateway of ours always come from Port, and cost nothing here.
//
// It does so only for peers that Conn.Peers named, which bounds what is remembered: whoever can send a datagram from any
// address leaves nothing here. Where nothing protects the signalling, one that bears a peer's address still moves what is sent
// to that peer to another port, until the peer is heard again.
type sourcePorts struct {
	known atomic.Int32 // entries of other
	mu    sync.Mutex
	peers map[netip.Addr]bool
	other map[netip.Addr]uint16
}

// Peers says who the peers are, in place of those named before. Answers to others go to Port whatever port they sent from.
func (c *Conn) Peers(peers []netip.Addr) { c.ports.name(peers) }

func (p *sourcePorts) name(peers []netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peers = make(map[netip.Addr]bool, len(peers))
	for _, peer := range peers {
		p.peers[peer] = true
	}
	maps.DeleteFunc(p.other, func(peer netip.Addr, _ uint16) bool { return !p.peers[peer] })
	p.known.Store(int32(len(p.other)))
}

// saw notes that a message came from this port.
func (p *sourcePorts) saw(peer netip.Addr, port uint16) {
	usual := port == Port || port == 0 // 0 asks for no answer there
	if usual && p.known.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case usual:
		delete(p.other, peer)
	case p.peers[peer]:
		if p.other == nil {
			p.other = make(map[netip.Addr]uint16)
		}
		p.other[peer] = port
	}
	p.known.Store(int32(len(p.other)))
}

// of is where messages to the peer go.
func (p *sourcePorts) of(peer netip.Addr) uint16 {
	if p.known.Load() == 0 {
		return Port
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if port, known := p.other[peer]; known {
		return port
	}
	return Port
}
