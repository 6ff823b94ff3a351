package transport

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	overheadIPv4 = 20 + 8
	overheadIPv6 = 40 + 8

	// What every path carries (RFC 5677 section 6.1).
	leastOverIPv4 = 576 - overheadIPv4
	leastOverIPv6 = 1280 - overheadIPv6

	rememberRefusal  = 10 * time.Minute // RFC 8201 section 5.4
	rememberRefusals = 1024
)

// MaximumDatagram is how long a message to there may be to fit into one datagram that nobody fragments: what the kernel knows
// of the path (the link's MTU, what routers have reported, what IPsec takes), but at most Config.MaximumDatagram. Without a
// route it is what every path carries, 548 octets over IPv4 and 1232 over IPv6. It costs some system calls; shorter
// messages than that need not ask.
func (c *Conn) MaximumDatagram(d Destination) int {
	longest := leastOver(d.Addr.Addr())
	if path, err := c.pathMaximum(d); err == nil {
		longest = path
	}
	if refused, known := c.refusals.of(d.Addr.Addr(), time.Now()); known {
		longest = min(longest, refused)
	}
	if c.config.MaximumDatagram > 0 {
		longest = min(longest, c.config.MaximumDatagram)
	}
	return longest
}

func leastOver(a netip.Addr) int {
	if a.Is4() {
		return leastOverIPv4
	}
	return leastOverIPv6
}

// tooBig learns from the kernel's refusal to send so much, and answers what it takes.
func (c *Conn) tooBig(d Destination, length int) int {
	if longest := c.MaximumDatagram(d); longest < length {
		return longest
	}
	// Something that only our port's datagrams meet takes room on this path, as an IPsec policy may.
	longest := leastOver(d.Addr.Addr())
	if length <= longest {
		longest = length - length/4
	}
	c.refusals.remember(d.Addr.Addr(), longest, time.Now())
	return longest
}

// pathMaximum asks the kernel with a socket that is connected to there and never sends.
func (c *Conn) pathMaximum(d Destination) (int, error) {
	to := d.Addr.Addr()
	dialer := net.Dialer{}
	if source := c.sourceFor(d); source.IsValid() {
		dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
	}
	conn, err := dialer.DialContext(context.Background(), networkOf("udp", to), d.Addr.String())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	level, name, overhead, longest := unix.IPPROTO_IPV6, unix.IPV6_MTU, overheadIPv6, longestOverIPv6
	if to.Is4() {
		level, name, overhead, longest = unix.IPPROTO_IP, unix.IP_MTU, overheadIPv4, longestOverIPv4
	}
	var mtu int
	if failed := raw.Control(func(fd uintptr) { mtu, err = unix.GetsockoptInt(int(fd), level, name) }); failed != nil {
		return 0, failed
	}
	return min(mtu-overhead, longest), err
}

// refusals remembers to whom less fits than the path's MTU says. They are peers that we send to.
type refusals struct {
	mu sync.Mutex
	by map[netip.Addr]refusal
}

type refusal struct {
	longest int
	until   time.Time
}

func (r *refusals) remember(a netip.Addr, longest int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = make(map[netip.Addr]refusal)
	}
	for other := range r.by { // any one makes room
		if len(r.by) < rememberRefusals {
			break
		}
		delete(r.by, other)
	}
	r.by[a] = refusal{longest, now.Add(rememberRefusal)}
}

func (r *refusals) of(a netip.Addr, now time.Time) (longest int, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, known := r.by[a]
	if known && now.After(found.until) {
		delete(r.by, a)
		return 0, false
	}
	return found.longest, known
}
