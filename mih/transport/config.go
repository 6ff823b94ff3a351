package transport

import (
	"fmt"
	"net/netip"
	"time"
)

const (
	// Port is that of MIH over UDP and over TCP (RFC 5677 section 9).
	Port = 4551

	headerSize = 8 // of IEEE 802.21 section 8.4.1

	// MaximumMessage is the longest MIH message there is: a header, and what its 16-bit length field can say.
	MaximumMessage = headerSize + 65535
)

// Protocol is what carries a message; the values are the bit numbers of the transport option list (IEEE 802.21 Annex F.3.11).
type Protocol uint8

// The protocols.
const (
	UDP Protocol = 0
	TCP Protocol = 1
)

// String is also a metric label.
func (p Protocol) String() string {
	switch p {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return fmt.Sprintf("protocol %d", uint8(p))
}

// Config says where to listen and how much to hold. Zero values stand for the defaults named.
type Config struct {
	Addresses []netip.Addr // unicast ones of this host; none, or the unspecified ones: every address (both families, or that one)
	Port      uint16       // 0: Port
	Groups    []Group      // multicast groups whose datagrams are received too

	// Admit is asked, before anything is done for it, about every datagram's source and every connection's; nil admits
	// everyone. It is called from several goroutines and must not wait.
	Admit func(Protocol, netip.Addr) bool

	MaximumDatagram int // caps what the path allows, against tunnels on it (RFC 5677 section 6.1); 0: no cap

	MaximumIncoming    int           // TCP connections that peers opened; 1024
	MaximumFromAddress int           // of those, with the same address; 16
	MaximumOutgoing    int           // TCP connections to peers, also those being opened; 2048
	QueueMessages      int           // waiting for one TCP connection; 1024
	QueueOctets        int           // of them; 1 MiB
	Patience           time.Duration // how long a message waits for its TCP connection before it is dropped; 15 s
	DialTimeout        time.Duration // 5 s
	MessageTimeout     time.Duration // from the first octet of a message to its last, and from a connection to its first message; 30 s
	IdleTimeout        time.Duration // of a TCP connection that carries nothing; 10 min
	RedialMinimum      time.Duration // pause after a connection failed; 250 ms, doubling up to
	RedialMaximum      time.Duration // 30 s
}

// Group is a multicast group on one of this host's links.
type Group struct {
	Address   netip.Addr
	Interface string
}

func (c Config) withDefaults() Config {
	c.Port = orDefault(c.Port, Port)
	c.MaximumIncoming = orDefault(c.MaximumIncoming, 1024)
	c.MaximumFromAddress = orDefault(c.MaximumFromAddress, 16)
	c.MaximumOutgoing = orDefault(c.MaximumOutgoing, 2048)
	c.QueueMessages = orDefault(c.QueueMessages, 1024)
	c.QueueOctets = orDefault(c.QueueOctets, 1<<20)
	c.Patience = orDefault(c.Patience, 15*time.Second)
	c.DialTimeout = orDefault(c.DialTimeout, 5*time.Second)
	c.MessageTimeout = orDefault(c.MessageTimeout, 30*time.Second)
	c.IdleTimeout = orDefault(c.IdleTimeout, 10*time.Minute)
	c.RedialMinimum = orDefault(c.RedialMinimum, 250*time.Millisecond)
	c.RedialMaximum = max(orDefault(c.RedialMaximum, 30*time.Second), c.RedialMinimum)
	if c.Admit == nil {
		c.Admit = func(Protocol, netip.Addr) bool { return true }
	}
	if len(c.Addresses) == 0 {
		c.Addresses = []netip.Addr{netip.IPv6Unspecified(), netip.IPv4Unspecified()}
	}
	return c
}

func orDefault[T int | uint16 | time.Duration](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

func (c Config) validate() error {
	seen := make(map[netip.Addr]bool)
	for _, a := range c.Addresses {
		switch {
		case !a.IsValid(), a.Is4In6(), a.IsMulticast(), a == broadcast:
			return fmt.Errorf("listen for MIH messages on %s: want a unicast address of this host", a)
		case a.IsLinkLocalUnicast() && a.Is6() && a.Zone() == "":
			return fmt.Errorf("listen for MIH messages on %s: a link-local address needs its interface, as in %s%%eth0", a, a)
		case seen[a]:
			return fmt.Errorf("listen for MIH messages on %s: it is named twice", a)
		}
		seen[a] = true
	}
	for _, g := range c.Groups {
		if !g.Address.IsMulticast() || g.Address.Is4In6() || g.Interface == "" {
			return fmt.Errorf("join the multicast group %s on interface %q: want a multicast address and an interface", g.Address, g.Interface)
		}
	}
	return nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
