package kernel

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"netlmm/mobility/forwarding"
)

// system is what a Kernel asks of Linux: conn, or a fake in tests. do is as conn.do says.
type system interface {
	do(requests []request) []error
	rules() ([]rule, error) // all of them, of IPv4 and IPv6
	// routes calls visit for each of our routes, after reset: again for each new attempt, when changes spoilt one.
	routes(reset func(), visit func(route)) error
	hops() ([]hop, error)             // ours
	neighbours() ([]neighbour, error) // ours
	senders() ([]sender, error)       // ours, the known ones
	offloads() ([]offload, error)     // ours
	ensureOffload(o offloading, held []offload) error
	removeOffload() error
	offloaded() (packets, octets uint64)
	ensureFilter(j judgement, held []sender) error
	removeFilter() error
	ourLinks() ([]link, error)
	ensureLink(l link) error
	raiseLink(l link) error
	removeLink(name string) error
	setTunnelSource(addr netip.Addr) error
	leaveUnchecked(name string) error  // the IPv4 sources of what comes in by that interface
	index(name string) (uint32, error) // of an interface
	close()
}

// Kernel is the forwarding state in the kernel of one network namespace. It implements forwarding.Kernel, for one goroutine
// at a time.
//
// A tunnel comes with its first entry (RFC 5213 section 5.6.1), or with Open if it is static. One without an entry for
// Config.TunnelDeletionDelay is removed by the next Sweep and not before, so that a mobile node that goes back and forth does
// not make and unmake it.
type Kernel struct {
	backend backend
	layout  layout
	system  system
	watch   *watch        // nil in tests without Linux
	paths   *paths        // nil in tests without Linux
	relay   *relay        // nil but with seg6 on Linux
	outer   *outerHeaders // nil but with seg6 on Linux

	tunnels map[netip.Addr]peer
	slots   map[int]netip.Addr      // the same by slot
	broken  map[netip.Addr]struct{} // of tunnels, those that are not complete, or about to go
	since   map[netip.Addr]time.Time
	idle    map[netip.Addr]time.Time // since when they have been seen without an entry
	now     func() time.Time
	held    holdings
	unswept bool // since it was read back, the kernel may hold routes of a former run, by neighbour entries of entries held now

	workspace workspace
	scratch   [maximumObjects]object
}

var _ forwarding.Kernel = (*Kernel)(nil)

// Open prepares the kernel of the current network namespace for entries; the result stays bound to that namespace,
// wherever its goroutine runs. What an earlier run left keeps forwarding until Applied and Sweep, in other words until the
// first Reconciler.Resync, decide about it.
func Open(cfg Config) (*Kernel, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("forwarding configuration: %w", err)
	}
	c, err := dial(cfg.RouteProtocol)
	if err != nil {
		return nil, err
	}
	k, err := open(cfg, c)
	if err != nil {
		c.close()
		return nil, err
	}
	return k, nil
}

func open(cfg Config, c *conn) (*Kernel, error) {
	caps, err := c.probe()
	if err != nil {
		return nil, err
	}
	if !cfg.Local.IsValid() {
		cfg.Backend = Sit
	}
	if cfg.Backend, err = caps.choose(cfg.Backend, cfg.Role); err != nil {
		return nil, err
	}
	uplink, err := c.uplink(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Uplink = uplink.Name; slices.Contains(cfg.AccessInterfaces, cfg.Uplink) {
		return nil, fmt.Errorf("interface %s cannot be both uplink and access link", cfg.Uplink)
	}
	mtu := uplink.MTU - outerHeader
	if cfg.TunnelMTU != 0 {
		mtu = cfg.TunnelMTU
	}
	if mtu < minimumMTU {
		return nil, fmt.Errorf("uplink %s has an MTU of %d: a tunnel over it would carry %d octets and IPv6 needs %d; raise it to %d or more",
			uplink.Name, uplink.MTU, mtu, minimumMTU, minimumMTU+outerHeader)
	}
	l := layout{Config: cfg, mtu: mtu}
	if !caps.Sit {
		l.sitMissing = errNoSit
	}
	if err := c.openTables(l.Role); err != nil {
		return nil, err
	}
	k := newKernel(l, c)
	if err := applySysctls(&k.layout); err != nil {
		return nil, err
	}
	if cfg.Backend == SEG6 {
		if k.relay, err = newRelay(cfg); err != nil {
			return nil, err
		}
	}
	if k.paths, err = newPaths(cfg); err == nil {
		if err = k.begin(uplink); err == nil {
			return k, nil
		}
		k.paths.close()
	}
	k.relay.close()
	return nil, err
}

// begin brings about what stands without entries, and watches it.
func (k *Kernel) begin(uplink *net.Interface) error {
	if err := errors.Join(k.adopt(), k.ensureBase(), k.ensureStatic()); err != nil {
		return err
	}
	var err error
	if k.watch, err = newWatch(append([]string{k.layout.Uplink}, k.layout.AccessInterfaces...)...); err != nil {
		return err
	}
	if k.layout.Backend == SEG6 {
		if k.outer, err = newOuterHeaders(&k.layout, uint32(uplink.Index)); err != nil {
			k.watch.close()
		}
	}
	return err
}

// outerHeader is what RFC 2473 encapsulation adds to a packet.
const outerHeader = 40

// newKernel returns a Kernel that holds nothing.
func newKernel(l layout, s system) *Kernel {
	k := &Kernel{layout: l, system: s,
		tunnels: map[netip.Addr]peer{}, slots: map[int]netip.Addr{}, broken: map[netip.Addr]struct{}{},
		since: map[netip.Addr]time.Time{}, idle: map[netip.Addr]time.Time{}, now: time.Now, held: holdings{odd: map[netip.Prefix][]object{}}}
	k.backend = l.backend()
	return k
}

// Name is the backend in use: IP6Tnl or SEG6, or Sit where all peers are reached over IPv4.
func (k *Kernel) Name() string { return k.backend.name() }

// TunnelMTU is the largest inner packet in octets that passes every tunnel, for the MTU option of Router Advertisements (RFC
// 5213 section 6.9.5). It follows from the uplink and the configuration, and from what is known of the paths beyond.
func (k *Kernel) TunnelMTU() int { return k.layout.inner(k.layout.smallest) }

// Disturbed receives when the uplink or an access link came up again or anew, or has another link-layer address: Linux drops
// the routes over a link that goes down, and its neighbour entries in either case, so that a Resync is due. Several disturbances may be reported as one.
func (k *Kernel) Disturbed() <-chan struct{} { return k.watch.disturbed }

// Close ends the use of the kernel. With keep everything goes on forwarding, for the next Open to adopt; without, the
// namespace's links, routes and rules become what they were before Open.
func (k *Kernel) Close(keep bool) error {
	defer k.system.close()
	if k.watch != nil {
		k.watch.close()
	}
	if k.paths != nil {
		k.paths.close()
	}
	k.relay.close()
	err := k.outer.close()
	if keep {
		return err
	}
	return errors.Join(err, k.removeAll())
}

// check refuses an entry that this data plane cannot hold.
func (k *Kernel) check(c *forwarding.Change) error {
	e := c.Entry
	switch {
	case e.Prefix != c.Prefix || !e.Prefix.IsValid() || e.Prefix.Addr().Is4In6() || e.Prefix.Bits() == 0 || e.Prefix != e.Prefix.Masked():
		return fmt.Errorf("%q is not a home network prefix", e.Prefix)
	case e.Prefix.Addr().Is4() && !k.layout.ipv4():
		return fmt.Errorf("this data plane was opened without IPv4: it holds no IPv4 home address")
	case e.Role == forwarding.Discard && k.layout.Role == forwarding.Anchor:
		return nil
	case e.Role != k.layout.Role:
		return fmt.Errorf("an entry of role %d on a data plane of role %d", e.Role, k.layout.Role)
	}
	if err := k.layout.checkEnds(&e); err != nil {
		return err
	}
	if err := k.layout.checkOffload(&e); err != nil {
		return err
	}
	if e.Role == forwarding.Gateway {
		if _, ok := k.layout.accessIndex(e.Interface); !ok {
			return fmt.Errorf("interface %s is not an access link of this data plane: add it to access_interfaces", e.Interface)
		}
	}
	return nil
}

// tunnelTo returns the peer with that address, and makes the tunnel to it if there is none. A tunnel that could not be
// made completely keeps its slot: another peer with the same tables could deliver what is not its own.
func (k *Kernel) tunnelTo(addr netip.Addr) (peer, error) {
	p, known := k.tunnels[addr]
	delete(k.idle, addr)
	if _, broken := k.broken[addr]; known && !broken {
		return p, nil
	}
	if !known {
		p.addr = addr
		for k.slots[p.slot].IsValid() {
			p.slot++
		}
		if p.slot >= maximumPeers {
			return peer{}, fmt.Errorf("no tunnel to %s: %d stand already", addr, len(k.tunnels))
		}
		k.tunnels[addr], k.slots[p.slot], k.broken[addr] = p, addr, struct{}{}
	}
	if err := k.install(k.backend.tunnel(p)); err != nil {
		return peer{}, fmt.Errorf("tunnel to %s: %w", addr, err)
	}
	delete(k.broken, addr)
	k.since[addr] = k.now()
	k.paths.add(addr)
	return p, nil
}

// uplink finds the interface towards the peers.
func (c *conn) uplink(cfg Config) (*net.Interface, error) {
	if cfg.Uplink != "" {
		l, err := c.LinkByName(cfg.Uplink)
		if err != nil {
			return nil, fmt.Errorf("uplink %s: %w", cfg.Uplink, err)
		}
		return &net.Interface{Index: l.Attrs().Index, Name: l.Attrs().Name, MTU: l.Attrs().MTU}, nil
	}
	local, family := cfg.Local, familyV6
	if !local.IsValid() {
		local, family = cfg.LocalIPv4, familyV4
	}
	addrs, err := c.AddrList(nil, family)
	for attempt := 0; errors.Is(err, netlink.ErrDumpInterrupted) && attempt < dumpRetries; attempt++ {
		addrs, err = c.AddrList(nil, family)
	}
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); !ok || ip.Unmap() != local {
			continue
		}
		l, err := c.LinkByIndex(a.LinkIndex)
		if err != nil {
			return nil, fmt.Errorf("interface of %s: %w", local, err)
		}
		if l.Attrs().Flags&net.FlagLoopback != 0 {
			return nil, fmt.Errorf("%s is an address of the loopback, which does not tell where the peers are: name the uplink", local)
		}
		return &net.Interface{Index: l.Attrs().Index, Name: l.Attrs().Name, MTU: l.Attrs().MTU}, nil
	}
	return nil, fmt.Errorf("no interface has the address %s: assign it before the daemon starts, or name the uplink", local)
}
