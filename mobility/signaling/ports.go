package signaling

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// maxOtherPorts bounds what is remembered of peers that send from another port than ours; beyond it any one is forgotten.
const maxOtherPorts = 1024

// sourcePorts remembers the port that a peer sent from last over IPv4, where it is not Port: answers go back to it (RFC 5844
// section 4.1.3.2). Those of a gateway of ours always come from Port, and cost nothing here.
type sourcePorts struct {
	known atomic.Int32 // entries of others
	mu    sync.Mutex
	other map[netip.Addr]uint16
}

// saw notes that a message came from this port.
func (p *sourcePorts) saw(peer netip.Addr, port uint16) {
	usual := port == Port || port == 0 // 0 asks for no answer there
	if usual && p.known.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if usual {
		delete(p.other, peer)
	} else {
		p.remember(peer, port)
	}
	p.known.Store(int32(len(p.other)))
}

func (p *sourcePorts) remember(peer netip.Addr, port uint16) {
	if _, again := p.other[peer]; !again && len(p.other) >= maxOtherPorts {
		for any := range p.other {
			delete(p.other, any)
			break
		}
	}
	if p.other == nil {
		p.other = make(map[netip.Addr]uint16)
	}
	p.other[peer] = port
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
