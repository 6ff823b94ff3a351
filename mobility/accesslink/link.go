package accesslink

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

// Link is one access interface. All of its functions but Run and Close may be called from any goroutine, also while Run runs.
type Link struct {
	config   Config
	netlink  *netlink.Handle
	counters counters
	presence presence
	nodes    *nodes  // with an offer
	sources  sources // link-local addresses towards single nodes

	applying  sync.Mutex // changes of what the kernel holds for nodes; before mu
	ipv4      ipv4
	leftovers leftovers // of an earlier run

	mu   sync.Mutex
	port *port // nil while the interface is gone or down
	held held
	mtu  int   // advertised
	err  error // of the last attempt to take the interface into use

	// of the goroutine that hears Neighbor Discovery
	solicited map[[6]byte]time.Time // the last Router Solicitation taken from each node
	solicits  *rate.Limiter
}

// Solicitation is a valid Router Solicitation.
type Solicitation struct {
	LinkLayer [6]byte    // of the frame
	Source    netip.Addr // of the packet; may be unspecified
}

// Presence says that a probed node has shown that it is there.
type Presence struct {
	LinkLayer [6]byte
}

// Handler is what Run calls, from one goroutine. Solicited and Present must be set.
type Handler struct {
	Solicited   func(Solicitation)
	Present     func(Presence)
	Unreachable func(Presence)             // neighbour unreachability detection of the kernel gave the node up; nil: not of interest
	Collision   func(Presence, netip.Addr) // the node uses a link-local address that this router has on the link; nil: not of interest
}

// Offer is what the DHCP servers of the link may give one mobile node (RFC 5213 section 6.11, RFC 5844 section 3.4).
type Offer struct {
	LinkLayer           [6]byte
	HomeNetworkPrefixes []netip.Prefix
	IPv4HomeAddress     netip.Prefix // with the length of its network; zero: none
	IPv4DefaultRouter   netip.Addr
	Relay               bool      // relay to the anchor's DHCP server in place of answering
	Expires             time.Time // end of the binding's lifetime
}

// Advertisement is one Router Advertisement to one mobile node.
type Advertisement struct {
	Destination    [6]byte
	Prefixes       []netip.Prefix // the node's home network prefixes
	PrefixLifetime time.Duration  // valid and preferred lifetime of Prefixes
	RouterLifetime time.Duration  // 0: not a default router (any more); at most 9000 s, RFC 4861 section 6.2.1

	DeprecatedPrefixes []netip.Prefix // prefixes that the node shall stop using
	Source             netip.Addr     // link-local source address; zero: Config.LinkLocalAddress
}

// ErrInterfaceUnavailable says that the interface is gone or down. Run takes it into use again once it is back.
var ErrInterfaceUnavailable = errors.New("access interface is gone or down")

// Open prepares the interface and opens the socket for it. It
//
//   - gives the interface the fixed link-layer address, only if it has another one: some drivers want the link down for that,
//     and hostapd reads the address at its own start, so let magd start before hostapd or set the address beforehand;
//   - makes the fixed link-local address its only one, without duplicate address detection: at a handover the same address
//     is alive at the previous MAG;
//   - makes it a router's interface (sysctl forwarding of this interface, so that Neighbor Advertisements carry the Router
//     flag; no accept_ra, no accept_redirects). net.ipv6.conf.all.forwarding is the forwarding backend's business;
//   - sets it up;
//   - makes a bridge a multicast router (mcast_router 2), or its snooping keeps reports from this package. A bridge that refuses
//     is used nevertheless, and Err says so.
//
// With the first IPv4 home address that is offered it sets the interface's sysctls of IPv4 too: forwarding, no redirects, and
// arp_ignore 2, with which the kernel leaves ARP for the default router to this package.
//
// Linux has no switch for IPv6 redirects; it sends one only for a packet that leaves by the link it came from, which the
// source routes of a MAG rule out. It needs CAP_NET_ADMIN and CAP_NET_RAW.
func Open(config Config) (*Link, error) {
	config, err := config.complete()
	if err != nil {
		return nil, err
	}
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("access link %s: open rtnetlink: %w", config.Interface, err)
	}
	l := &Link{
		config: config, netlink: handle, nodes: newNodes(), presence: presence{window: config.PresenceWindow},
		mtu: config.MTU, solicited: map[[6]byte]time.Time{}, solicits: rate.NewLimiter(solicitationsPerSecond, solicitationsPerSecond),
	}
	if err := l.setUp(); err != nil {
		l.setPort(nil)
		handle.Close()
		return nil, fmt.Errorf("access link %s: %w", config.Interface, err)
	}
	if config.Relay != nil {
		config.Relay.add(l)
	}
	return l, nil
}

func (l *Link) setUp() error {
	found, err := l.find()
	if err != nil {
		return err
	}
	if err := l.setLinkLayerAddress(found, true); err != nil {
		return err
	}
	if err := l.setSysctls(); err != nil {
		return err
	}
	if err := l.netlink.LinkSetUp(found); err != nil {
		return fmt.Errorf("set the interface up: %w (run as root or with CAP_NET_ADMIN)", err)
	}
	if l.leftovers, err = l.findLeftovers(); err != nil {
		return err
	}
	return l.restore()
}

// Close closes the socket. The interface keeps its addresses and settings, mcast_router of a bridge too, so that a restarted daemon
// finds its mobile nodes undisturbed.
func (l *Link) Close() error {
	if l.config.Relay != nil {
		l.config.Relay.remove(l)
	}
	l.mu.Lock()
	p := l.port
	l.port = nil
	l.mu.Unlock()
	l.netlink.Close()
	if p == nil {
		return nil
	}
	return p.close()
}

// SetMTU changes what is advertised from now on in place of Config.MTU, and is told by DHCPv4; 0 advertises none.
func (l *Link) SetMTU(mtu int) error {
	if mtu != 0 && (mtu < minimumMTU || mtu > 65535) {
		return fmt.Errorf("access link %s: MTU %d: want %d to 65535, or 0 to advertise none", l.config.Interface, mtu, minimumMTU)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mtu = mtu
	return nil
}

func (l *Link) advertisedMTU() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mtu
}

// current returns the open port, or an error that is ErrInterfaceUnavailable.
func (l *Link) current() (*port, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.port == nil {
		return nil, fmt.Errorf("access link %s: %w", l.config.Interface, ErrInterfaceUnavailable)
	}
	return l.port, nil
}
