package accesslink

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	maximumNodes = 65536 // with an offer

	// A host sends its DHCP messages seconds apart, and ARP requests one a second for each address; what comes faster serves
	// nobody. The burst is what one does right after it attached. Each protocol has its own, and so has ARP for the default
	// router: a node that scans its network keeps its router and its lease.
	requestsPerNode   = 10
	requestBurst      = 30
	routerARPPerNode  = 2
	routerARPBurst    = 6
	requestsPerSecond = 2000 // on the link, of each protocol

	// A DHCP message or an ARP request that comes while its sender is being registered is answered once it is: the client
	// would repeat it only after seconds (RFC 2131 section 4.1, RFC 8415 section 18.2.1).
	earlyWait    = time.Second
	maximumEarly = 1024
)

// ErrTooManyNodes says that an offer was not taken.
var ErrTooManyNodes = errors.New("too many mobile nodes on the access link")

// protocol is one of those that are served to nodes with an offer.
type protocol int

const (
	arp protocol = iota
	dhcpv4
	dhcpv6
	routerARP // ARP for the default router
	protocols
)

// offered is a node with an offer.
type offered struct {
	Offer
	limits [protocols]*rate.Limiter
}

func newOffered() *offered {
	o := &offered{}
	for p := range o.limits {
		o.limits[p] = rate.NewLimiter(requestsPerNode, requestBurst)
	}
	o.limits[routerARP] = rate.NewLimiter(routerARPPerNode, routerARPBurst)
	return o
}

type earlyKey struct {
	linkLayer [6]byte
	protocol  protocol
}

type early struct {
	frame []byte
	at    time.Time
}

// nodes is who is served on the link.
type nodes struct {
	mu     sync.Mutex
	table  map[[6]byte]*offered
	limits [protocols]*rate.Limiter
	early  map[earlyKey]early       // the last message of each node without an offer
	keeps  [protocols]*rate.Limiter // of those: whoever floods the link without an offer takes nothing from those that have one
}

func newNodes() *nodes {
	n := &nodes{table: map[[6]byte]*offered{}, early: map[earlyKey]early{}}
	for i := range n.limits {
		n.limits[i] = rate.NewLimiter(requestsPerSecond, requestsPerSecond)
		n.keeps[i] = rate.NewLimiter(requestsPerSecond, requestsPerSecond)
	}
	return n
}

// serve returns the offer of the node that a frame came from, if it is to be answered now.
func (n *nodes) serve(linkLayer [6]byte, p protocol, now time.Time) (Offer, DropReason) {
	n.mu.Lock()
	defer n.mu.Unlock()
	node, known := n.table[linkLayer]
	switch {
	case !known || !now.Before(node.Expires):
		return Offer{}, NoOffer
	case !node.limits[p].AllowN(now, 1) || !n.limits[p].AllowN(now, 1):
		return Offer{}, RateLimited
	}
	return node.Offer, ""
}

// offerOf returns the standing offer of a node.
func (n *nodes) offerOf(linkLayer [6]byte, now time.Time) (Offer, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	node, known := n.table[linkLayer]
	if !known || !now.Before(node.Expires) {
		return Offer{}, false
	}
	return node.Offer, true
}

// keep holds a frame of a node without an offer, in place of an earlier one, for the offer to come.
func (n *nodes) keep(linkLayer [6]byte, p protocol, frame []byte, now time.Time) DropReason {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := earlyKey{linkLayer, p}
	if _, known := n.early[key]; !known && len(n.early) >= maximumEarly {
		return TooManyEarly
	}
	if !n.keeps[p].AllowN(now, 1) {
		return RateLimited
	}
	n.early[key] = early{slices.Clone(frame), now}
	return ""
}

// set takes an offer over. It returns the one before, and what the node asked too early.
func (n *nodes) set(o Offer, now time.Time) (before Offer, asked map[protocol][]byte, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	node, known := n.table[o.LinkLayer]
	if !known {
		if len(n.table) >= maximumNodes {
			return Offer{}, nil, ErrTooManyNodes
		}
		node = newOffered()
		n.table[o.LinkLayer] = node
	}
	before, node.Offer = node.Offer, o
	for p := range protocols {
		key := earlyKey{o.LinkLayer, p}
		if e, held := n.early[key]; held && now.Sub(e.at) <= earlyWait {
			if asked == nil {
				asked = map[protocol][]byte{}
			}
			asked[p] = e.frame
		}
		delete(n.early, key)
	}
	return before, asked, nil
}

// remove takes an offer back and returns it.
func (n *nodes) remove(linkLayer [6]byte) (Offer, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	node, known := n.table[linkLayer]
	delete(n.table, linkLayer)
	if !known {
		return Offer{}, false
	}
	return node.Offer, true
}

// tidy forgets what came too early and was never answered.
func (n *nodes) tidy(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, e := range n.early {
		if now.Sub(e.at) > earlyWait {
			delete(n.early, key)
		}
	}
}

// Offer tells what a mobile node may have on this link, in place of an earlier offer, and answers at once what it last asked
// by DHCP or ARP up to a second ago. From then on
//
//   - the DHCP servers or relay agents that are configured serve it;
//   - ARP requests of it are answered for the default router and every other address of its IPv4 network (RFC 5844 sections
//     3.2.3.2 and 3.2.4), and the default router's address is one of the interface;
//   - the kernel's neighbour entry of its IPv4 home address is permanent, so that nobody else on the link can claim it;
//   - the end of its neighbour unreachability detection is reported to Handler.Unreachable.
//
// It stands until Withdraw; what is given ends at Expires. An offer with neither prefixes nor an address takes the earlier
// one back. While the interface is gone or down the offer is kept and takes effect once it is back.
func (l *Link) Offer(o Offer) error {
	if len(o.HomeNetworkPrefixes) == 0 && !o.IPv4HomeAddress.IsValid() {
		return l.Withdraw(o.LinkLayer)
	}
	if err := o.check(); err != nil {
		return fmt.Errorf("offer to %s on %s: %w", net.HardwareAddr(o.LinkLayer[:]), l.config.Interface, err)
	}
	o.HomeNetworkPrefixes = slices.Clone(o.HomeNetworkPrefixes)
	l.applying.Lock()
	before, asked, err := l.nodes.set(o, time.Now())
	if err == nil {
		err = l.applyIPv4(before, o)
	}
	l.applying.Unlock()
	l.answerEarly(asked)
	if err != nil {
		return fmt.Errorf("offer to %s on %s: %w", net.HardwareAddr(o.LinkLayer[:]), l.config.Interface, err)
	}
	return nil
}

func (o Offer) check() error {
	for _, prefix := range o.HomeNetworkPrefixes {
		if !prefix.IsValid() || !prefix.Addr().Is6() || prefix.Addr().Is4In6() {
			return fmt.Errorf("home network prefix %s: want an IPv6 prefix", prefix)
		}
	}
	home, router := o.IPv4HomeAddress, o.IPv4DefaultRouter
	switch {
	case o.LinkLayer[0]&1 != 0 || o.LinkLayer == [6]byte{}:
		return errors.New("the link-layer address is none of a node")
	case !home.IsValid():
		return nil
	case !home.Addr().Is4() || !home.Addr().IsGlobalUnicast():
		return fmt.Errorf("IPv4 home address %s: want a unicast IPv4 address", home)
	case !router.Is4() || !home.Contains(router) || router == home.Addr():
		return fmt.Errorf("IPv4 default router %s: want another address of %s", router, home.Masked())
	}
	return nil
}

// Withdraw takes a node's offer back: nothing is served to it any more, and what the kernel held for its IPv4 home address is
// removed. A node without an offer is no error.
func (l *Link) Withdraw(linkLayer [6]byte) error {
	l.applying.Lock()
	defer l.applying.Unlock()
	before, known := l.nodes.remove(linkLayer)
	if !known {
		return nil
	}
	if err := l.applyIPv4(before, Offer{LinkLayer: linkLayer}); err != nil {
		return fmt.Errorf("withdraw the offer of %s on %s: %w", net.HardwareAddr(linkLayer[:]), l.config.Interface, err)
	}
	return nil
}

func (l *Link) answerEarly(asked map[protocol][]byte) {
	if len(asked) == 0 {
		return
	}
	p, err := l.current()
	if err != nil {
		return // the client asks again
	}
	for service, frame := range asked {
		l.counters.serve(ServedEarly)
		switch service {
		case arp:
			l.takeARP(frame, p, time.Now())
		case dhcpv4:
			l.takeDHCPv4(frame, p, time.Now())
		case dhcpv6:
			l.takeDHCPv6(frame, p, time.Now())
		}
	}
}
