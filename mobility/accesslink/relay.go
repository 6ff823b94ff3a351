package accesslink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	xipv4 "golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"netlmm/mobility/accesslink/dhcp4"
	"netlmm/mobility/accesslink/dhcp6"
)

// relayHopLimit is that of messages to a multicast group of servers, RFC 8415 section 19.
const relayHopLimit = 8

// Relay is the relay agents' side towards the DHCP servers, one for all access links of a gateway: the servers answer to one
// port.
type Relay struct {
	gateway netip.Addr
	v4, v6  *net.UDPConn

	receive4, receive6 receiver

	dropped atomic.Uint64

	mu    sync.Mutex
	links map[string]*Link
}

// OpenRelay opens the sockets of the relay agents. gateway is the IPv4 address at which DHCPv4 servers reach this gateway;
// zero: none is relayed to. DHCPv6 servers answer to the address that the routing table chooses.
func OpenRelay(gateway netip.Addr) (*Relay, error) {
	if gateway.IsValid() && (!gateway.Is4() || gateway.IsUnspecified() || gateway.IsMulticast()) {
		return nil, fmt.Errorf("DHCP relay agent: address %s: want a unicast IPv4 address of this machine", gateway)
	}
	r := &Relay{gateway: gateway, links: map[string]*Link{}}
	var err error
	if r.v6, err = listenUDP("udp6", netip.AddrPortFrom(netip.IPv6Unspecified(), dhcp6.ServerPort)); err != nil {
		return nil, fmt.Errorf("DHCPv6 relay agent: %w (does another DHCPv6 server or relay agent run here?)", err)
	}
	if err := ipv6.NewPacketConn(r.v6).SetMulticastHopLimit(relayHopLimit); err != nil {
		r.Close()
		return nil, fmt.Errorf("DHCPv6 relay agent: set the hop limit: %w", err)
	}
	if r.receive6, err = receive6(r.v6); err != nil {
		r.Close()
		return nil, fmt.Errorf("DHCPv6 relay agent: %w", err)
	}
	if gateway.IsValid() {
		if r.v4, err = listenUDP("udp4", netip.AddrPortFrom(gateway, dhcp4.ServerPort)); err != nil {
			r.Close()
			return nil, fmt.Errorf("DHCPv4 relay agent: %w (is the address one of this machine, and does no other DHCP server run here?)", err)
		}
		if r.receive4, err = receive4(r.v4); err != nil {
			r.Close()
			return nil, fmt.Errorf("DHCPv4 relay agent: %w", err)
		}
	}
	return r, nil
}

// listenUDP opens a socket that can share its port with that of silence.
func listenUDP(network string, address netip.AddrPort) (*net.UDPConn, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1) })
		return errors.Join(err, failed)
	}}
	conn, err := config.ListenPacket(context.Background(), network, address.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

// Close closes the sockets.
func (r *Relay) Close() error {
	var failed []error
	for _, conn := range []*net.UDPConn{r.v4, r.v6} {
		if conn != nil {
			failed = append(failed, conn.Close())
		}
	}
	return errors.Join(failed...)
}

// Dropped is how many messages came that answer nothing of this gateway's links, or that came from one of them.
func (r *Relay) Dropped() uint64 { return r.dropped.Load() }

// Run takes the servers' answers back to the mobile nodes until ctx ends. It returns nil.
func (r *Relay) Run(ctx context.Context) error {
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() { r.read(ctx, r.v6, r.receive6, r.returnDHCPv6) })
	if r.v4 != nil {
		reading.Go(func() { r.read(ctx, r.v4, r.receive4, r.returnDHCPv4) })
	}
	<-ctx.Done()
	return nil
}

// receiver waits for a datagram and says by which interface it came.
type receiver func(buffer []byte) (n, index int, from net.Addr, err error)

func receive6(conn *net.UDPConn) (receiver, error) {
	packets := ipv6.NewPacketConn(conn)
	if err := packets.SetControlMessage(ipv6.FlagInterface, true); err != nil {
		return nil, fmt.Errorf("ask for the interface of each message: %w", err)
	}
	return func(buffer []byte) (n, index int, from net.Addr, err error) {
		n, control, from, err := packets.ReadFrom(buffer)
		if control != nil {
			index = control.IfIndex
		}
		return n, index, from, err
	}, nil
}

func receive4(conn *net.UDPConn) (receiver, error) {
	packets := xipv4.NewPacketConn(conn)
	if err := packets.SetControlMessage(xipv4.FlagInterface, true); err != nil {
		return nil, fmt.Errorf("ask for the interface of each message: %w", err)
	}
	return func(buffer []byte) (n, index int, from net.Addr, err error) {
		n, control, from, err := packets.ReadFrom(buffer)
		if control != nil {
			index = control.IfIndex
		}
		return n, index, from, err
	}, nil
}

func (r *Relay) read(ctx context.Context, conn *net.UDPConn, receive receiver, take func([]byte, netip.AddrPort)) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	buffer := make([]byte, maximumFrame)
	for ctx.Err() == nil {
		n, index, from, err := receive(buffer)
		source, known := from.(*net.UDPAddr)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			pause(ctx, readErrorPause) // such as an ICMP error of a server that is away
		case !known || index == 0 || r.onAccessLink(index):
			r.dropped.Add(1)
		default:
			from := source.AddrPort()
			take(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		}
	}
}

// onAccessLink says whether an interface is an access link. No server is there, but whoever poses as one: a mobile node can
// send to the relay's port, and must not reach another one through it.
func (r *Relay) onAccessLink(index int) bool {
	r.mu.Lock()
	links := slices.Collect(maps.Values(r.links))
	r.mu.Unlock()
	return slices.ContainsFunc(links, func(l *Link) bool {
		p, err := l.current()
		return err == nil && p.index == index
	})
}

func (r *Relay) add(l *Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.links[l.config.Interface] = l
}

func (r *Relay) remove(l *Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.links[l.config.Interface] == l {
		delete(r.links, l.config.Interface)
	}
}

// circuit names a node on an access link towards the servers, and find reads that again. What they send back is the node's
// only if it was sent for it.
func (l *Link) circuit(linkLayer [6]byte) []byte {
	return append(linkLayer[:], l.config.Interface...)
}

func (r *Relay) find(circuit []byte) (*Link, [6]byte) {
	if len(circuit) <= 6 {
		return nil, [6]byte{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.links[string(circuit[6:])], [6]byte(circuit)
}

func (l *Link) relayDHCPv4(d datagram, offer Offer, now time.Time) DropReason {
	r := l.config.Relay
	if r == nil || r.v4 == nil || len(l.config.DHCPv4Servers) == 0 {
		return NoServer
	}
	forward, reason := dhcp4.Forward(d.payload, d.linkLayer, dhcp4.Lease{Address: offer.IPv4HomeAddress, DefaultRouter: offer.IPv4DefaultRouter, Remaining: offer.Expires.Sub(now)}, r.gateway, l.circuit(d.linkLayer))
	if reason != "" {
		return DropReason(reason)
	}
	l.send(r.v4, l.config.DHCPv4Servers, dhcp4.ServerPort, forward, RelayedDHCPv4)
	return ""
}

func (l *Link) relayDHCPv6(d datagram, offer Offer) DropReason {
	r := l.config.Relay
	if len(offer.HomeNetworkPrefixes) == 0 {
		return DropReason(dhcp6.NoAddress)
	}
	forward, reason := dhcp6.Forward(d.payload, dhcp6.Client{Peer: d.source, LinkLayer: d.linkLayer, Link: offer.HomeNetworkPrefixes[0], InterfaceID: l.circuit(d.linkLayer)})
	if reason != "" {
		return DropReason(reason)
	}
	l.send(r.v6, l.config.DHCPv6Servers, dhcp6.ServerPort, forward, RelayedDHCPv6)
	return ""
}

// send sends a message to all servers, which is what relay agents do (RFC 8415 section 19, RFC 1542 section 4.1.1).
func (l *Link) send(conn *net.UDPConn, servers []netip.Addr, port uint16, message []byte, service Service) {
	for _, server := range servers {
		if _, err := conn.WriteToUDPAddrPort(message, netip.AddrPortFrom(server, port)); err != nil {
			l.counters.serveErrors.Add(1)
			continue
		}
		l.counters.serve(service)
	}
}

// among says whether from may be an answer of one of servers. A group's members answer with addresses of their own.
func among(servers []netip.Addr, from netip.AddrPort, port uint16) bool {
	return from.Port() == port && (slices.Contains(servers, from.Addr()) || slices.ContainsFunc(servers, netip.Addr.IsMulticast))
}

func (r *Relay) returnDHCPv6(message []byte, from netip.AddrPort) {
	returned, reason := dhcp6.Return(message)
	l, linkLayer := r.find(returned.InterfaceID)
	if reason != "" || l == nil {
		r.dropped.Add(1)
		return
	}
	p, err := l.current()
	_, offered := l.nodes.offerOf(linkLayer, time.Now())
	switch {
	case l.config.DHCPv6 != DHCPv6Relay || !among(l.config.DHCPv6Servers, from, dhcp6.ServerPort):
		l.counters.drop(DropReason(dhcp6.NotRelayed))
	case !offered:
		l.counters.drop(NoOffer)
	case err != nil:
		l.counters.serveErrors.Add(1)
	case l.deliverDHCPv6(p, linkLayer, netip.AddrPortFrom(returned.Peer, dhcp6.ClientPort), returned.Payload):
		l.counters.serve(ReturnedDHCPv6)
	}
}

func (r *Relay) returnDHCPv4(message []byte, from netip.AddrPort) {
	returned, reason := dhcp4.Return(message, r.gateway)
	l, linkLayer := r.find(returned.Circuit)
	if reason != "" || l == nil {
		r.dropped.Add(1)
		return
	}
	p, err := l.current()
	now := time.Now()
	offer, offered := l.nodes.offerOf(linkLayer, now)
	switch {
	case !offered || !offer.Relay:
		l.counters.drop(NoOffer)
		return
	case !among(l.config.DHCPv4Servers, from, dhcp4.ServerPort) || returned.LinkLayer != linkLayer:
		l.counters.drop(DropReason(dhcp4.NotRelayed))
		return
	case err != nil || p.dhcpv4 == nil:
		l.counters.serveErrors.Add(1)
		return
	}
	reply, reason := returned.Deliver(l.leaseIPv4(p, offer, now))
	if reason != "" {
		l.counters.drop(DropReason(reason))
		return
	}
	l.deliverDHCPv4(p, linkLayer, reply)
	l.counters.serve(ReturnedDHCPv4)
}
