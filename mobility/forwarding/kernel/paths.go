package kernel

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Path MTU discovery (RFC 5213 section 6.9.5, RFC 2473 section 6.7): routers on the way answer a tunnel packet that is too big, and
// Linux notes that as an exception of the route to the peer, for some ten minutes (RFC 8201 section 4). Nobody is told
// of exceptions, so that the routes to all peers are asked for from time to time.

const (
	pathInterval = 2 * time.Second
	pathsAtOnce  = 100 // questions before a pause, for the sake of an anchor with thousands of peers
	pathPause    = 10 * time.Millisecond
)

// paths watches what the ways to peers carry. Its functions may be called from any goroutine.
type paths struct {
	handle  *netlink.Handle
	ends    Config // of which Local and LocalIPv4 are asked
	changed chan struct{}
	done    chan struct{}
	ended   chan struct{}

	mu    sync.Mutex
	peers map[netip.Addr]int // path MTU; 0: no smaller than that of the uplink, as far as is known
}

// newPaths begins the watch in the current network namespace.
func newPaths(cfg Config) (*paths, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("watch the paths to peers: %w", err)
	}
	p := &paths{handle: handle, ends: cfg, peers: map[netip.Addr]int{},
		changed: make(chan struct{}, 1), done: make(chan struct{}), ended: make(chan struct{})}
	go p.run()
	return p, nil
}

func (p *paths) run() {
	defer close(p.ended)
	for p.pause(pathInterval) {
		p.ask()
	}
}

// pause says whether to go on after it.
func (p *paths) pause(d time.Duration) bool {
	select {
	case <-p.done:
		return false
	case <-time.After(d):
		return true
	}
}

// ask asks for the paths to all peers. A peer without a route keeps what is known of its path.
func (p *paths) ask() {
	peers, news := p.known(), false
	n := 0
	for addr, before := range peers {
		if n++; n%pathsAtOnce == 0 && !p.pause(pathPause) {
			return
		}
		routes, err := p.handle.RouteGetWithOptions(addr.AsSlice(), &netlink.RouteGetOptions{SrcAddr: p.ends.end(addr).AsSlice()})
		if err != nil || len(routes) == 0 || routes[0].MTU == before {
			continue
		}
		p.mu.Lock()
		if _, still := p.peers[addr]; still {
			p.peers[addr], news = routes[0].MTU, true
		}
		p.mu.Unlock()
	}
	if news {
		p.tell()
	}
}

func (p *paths) tell() {
	select {
	case p.changed <- struct{}{}:
	default: // one is due already
	}
}

// known is what the paths to the peers carry.
func (p *paths) known() map[netip.Addr]int {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.peers)
}

func (p *paths) add(peer netip.Addr) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.peers[peer]; !known {
		p.peers[peer] = 0
	}
}

func (p *paths) remove(peer netip.Addr) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.peers[peer] != 0 { // it may have been the narrowest
		p.tell()
	}
	delete(p.peers, peer)
}

func (p *paths) close() {
	close(p.done)
	<-p.ended
	p.handle.Close()
}

// inner is the largest inner packet over a path that has so much room, 0 for as much as the uplink. IPv6 hosts need not make do
// with less than 1280, whatever the path.
func (l *layout) inner(room int) int {
	if room == 0 {
		return l.mtu
	}
	return min(l.mtu, max(minimumMTU, room))
}

// room is what the path to p has for inner packets; 0: as much as the uplink.
func (p peer) room() int { return max(0, p.path-headerTo(p.addr)) }

// mtuOf is the MTU of the tunnel to p.
func (l *layout) mtuOf(p peer) int { return l.inner(p.room()) }

// PathsChanged receives when the path to a peer carries more or less than before: FollowPaths is due.
func (k *Kernel) PathsChanged() <-chan struct{} { return k.paths.changed }

// FollowPaths makes the MTUs of the tunnels what the paths carry, and says whether TunnelMTU changed. What fails is mended by
// the next Resync. ip6tnl follows the path by itself, packet by packet; seg6 has one link for the IPv6 packets of all tunnels, which
// gets the smallest MTU of them.
func (k *Kernel) FollowPaths() (changed bool, err error) {
	before := k.TunnelMTU()
	var affected plan
	known := k.paths.known()
	for addr, p := range k.tunnels {
		if p.path != known[addr] {
			p.path = known[addr]
			k.tunnels[addr] = p
			if _, broken := k.broken[addr]; !broken {
				affected.links = append(affected.links, k.backend.tunnel(p).links...)
			}
		}
	}
	k.layout.smallest = 0
	for _, p := range k.tunnels {
		if room := p.room(); room != 0 && (k.layout.smallest == 0 || room < k.layout.smallest) {
			k.layout.smallest = room
		}
	}
	k.backend = k.layout.backend()
	if changed = k.TunnelMTU() != before; changed {
		affected.links = append(affected.links, k.backend.base().links...)
	}
	for _, l := range affected.links {
		if err := k.system.ensureLink(l); err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// narrow is the peers whose paths carry too little for IPv6 in a tunnel.
func (k *Kernel) narrow() []netip.Addr {
	var peers []netip.Addr
	for addr, p := range k.tunnels {
		if p.path != 0 && p.path < minimumMTU+headerTo(addr) {
			peers = append(peers, addr)
		}
	}
	slices.SortFunc(peers, netip.Addr.Compare)
	return peers
}
