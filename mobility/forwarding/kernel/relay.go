package kernel

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"

	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/tunnelerror"
)

// What routers inside a tunnel say of its packets is passed on to the sources of the packets in them (RFC 2473 section 8). The
// drivers of tunnel devices do that by themselves; for seg6 this does.
const (
	reportsPerSecond   = 100 // RFC 4443 section 2.4 f wants a limit
	reportsAtOneStroke = 100
	errorQueue         = 64 << 10 // octets, as Linux counts them; what does not fit it drops

	pollFailed = "poll_failed" // Linux had no memory to wait, say; it is tried again after the pause
	pollPause  = 100 * time.Millisecond
)

// relay hears the errors and passes them on. Its functions may be called from any goroutine.
type relay struct {
	where   Config
	handle  *netlink.Handle
	heard   []int // sockets with the errors about packets of protocols 41 and 4
	reports [2]int
	wake    int                                   // an event that ends run
	poll    func([]unix.PollFd, int) (int, error) // tests put a failing one here
	limiter *rate.Limiter
	ended   chan struct{}

	mu     sync.Mutex
	counts map[string]uint64
}

// newRelay begins in the current network namespace.
func newRelay(cfg Config) (*relay, error) {
	r := &relay{where: cfg, reports: [2]int{-1, -1}, wake: -1, poll: unix.Poll,
		limiter: rate.NewLimiter(reportsPerSecond, reportsAtOneStroke), ended: make(chan struct{}), counts: map[string]uint64{"relayed": 0, pollFailed: 0}}
	for _, reason := range tunnelerror.Reasons() {
		r.counts[string(reason)] = 0
	}
	if err := r.open(); err != nil {
		r.release()
		return nil, fmt.Errorf("hear of errors inside the tunnels: %w", err)
	}
	go r.run()
	return r, nil
}

func (r *relay) open() error {
	var err error
	if r.handle, err = netlink.NewHandle(unix.NETLINK_ROUTE); err != nil {
		return err
	}
	for _, protocol := range []int{protocolIPv6, protocolIPv4} {
		fd, err := errorSocket(protocol, r.where.Local)
		if err != nil {
			return err
		}
		r.heard = append(r.heard, fd)
	}
	if r.reports[0], err = deafSocket(unix.AF_INET6, unix.IPPROTO_ICMPV6); err != nil {
		return err
	}
	if r.reports[1], err = deafSocket(unix.AF_INET, unix.IPPROTO_ICMP); err != nil {
		return err
	}
	r.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return err
}

// deafSocket is a raw socket that takes no packets.
func deafSocket(family, protocol int) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return -1, err
	}
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing}); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// errorSocket receives the errors about our packets of a protocol, and no packets. Path MTU discovery needs it too: Linux applies a
// Packet Too Big to the route only if somebody owns the packets that it is about, and who does not want to hear of errors owns none.
func errorSocket(protocol int, local netip.Addr) (int, error) {
	fd, err := deafSocket(unix.AF_INET6, protocol)
	if err != nil {
		return -1, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1), // Local may be an address of the uplink that is still to come
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, errorQueue))
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet6{Addr: local.As16()})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (r *relay) run() {
	defer close(r.ended)
	wait := []unix.PollFd{{Fd: int32(r.wake), Events: unix.POLLIN}}
	for _, fd := range r.heard {
		wait = append(wait, unix.PollFd{Fd: int32(fd)}) // of errors Linux tells unasked
	}
	buffer, control := make([]byte, 2048), make([]byte, 512)
	for r.waited(wait) {
		for _, fd := range r.heard {
			for {
				n, nc, _, _, err := unix.Recvmsg(fd, buffer, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
				if err != nil {
					break
				}
				r.count(r.pass(buffer[:n], control[:nc]))
			}
			// An error that the queue had no room for is still noted at the socket, and would end every wait.
			_, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		}
	}
}

// waited says, once there may be something to read, whether run goes on. Where Linux does not let it wait, it looks after a pause.
func (r *relay) waited(wait []unix.PollFd) bool {
	_, err := r.poll(wait, -1)
	if err == nil || err == unix.EINTR {
		return wait[0].Revents == 0
	}
	r.count(pollFailed)
	time.Sleep(pollPause)
	_, err = unix.Read(r.wake, make([]byte, 8))
	return err != nil
}

// pass tells the source of the original packet quoted in an error, and says what came of it.
func (r *relay) pass(quoted, control []byte) string {
	e, from, arrived, ok := readError(control)
	if !ok {
		return string(tunnelerror.NotListed)
	}
	e.AtEntry = from == r.where.Local
	report, why := e.About(quoted)
	switch {
	case why != "":
		return string(why)
	case !r.credible(arrived, report.Original):
		return "not_ours"
	case !r.limiter.Allow(): // after that, or forged errors from anywhere would use up what the others may have
		return "rate_limit"
	case r.send(report) != nil:
		return "unsendable"
	}
	return "relayed"
}

// readError reads what Linux says of an error: from whom it is, and by which interface it came.
func readError(control []byte) (e tunnelerror.Error, from netip.Addr, arrived uint32, ok bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return e, from, 0, false
	}
	for _, m := range messages {
		switch {
		case m.Header.Level != unix.IPPROTO_IPV6:
		case m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo:
			arrived = nl.NativeEndian().Uint32(m.Data[16:])
		case m.Header.Type == unix.IPV6_RECVERR && len(m.Data) >= 16+unix.SizeofSockaddrInet6: // struct sock_extended_err and whom it is from
			ok = m.Data[4] == unix.SO_EE_ORIGIN_ICMP6
			e = tunnelerror.Error{Type: m.Data[5], Code: m.Data[6], MTU: nl.NativeEndian().Uint32(m.Data[8:])}
			from = netip.AddrFrom16([16]byte(m.Data[24:40]))
		}
	}
	return e, from, arrived, ok
}

// credible says whether the error came from where tunnel packets go, and is about one that this router may have sent: a gateway
// those of its mobile nodes, an anchor those to its own. Errors are easily forged.
func (r *relay) credible(arrived uint32, original tunnelerror.Packet) bool {
	if from := r.linkName(int(arrived)); from != r.where.Uplink && from != "lo" { // Linux tells itself, too
		return false
	}
	end := original.Destination
	if r.where.Role == forwarding.Gateway {
		end = original.Source
	}
	routes, err := r.handle.RouteGet(end.AsSlice())
	if err != nil || len(routes) == 0 {
		return false
	}
	return r.leads(r.linkName(routes[0].LinkIndex))
}

// leads says whether a link leads to mobile nodes.
func (r *relay) leads(link string) bool {
	if r.where.Role == forwarding.Gateway {
		return slices.Contains(r.where.AccessInterfaces, link)
	}
	_, pair := slotOfDevice(link)
	return link == seg6In || pair
}

func (r *relay) linkName(index int) string {
	l, err := r.handle.LinkByIndex(index)
	if err != nil {
		return ""
	}
	return l.Attrs().Name
}

func (r *relay) send(report tunnelerror.Report) error {
	to := report.Original.Source
	if to.Is4() {
		return unix.Sendto(r.reports[1], report.Message, 0, &unix.SockaddrInet4{Addr: to.As4()})
	}
	return unix.Sendto(r.reports[0], report.Message, 0, &unix.SockaddrInet6{Addr: to.As16()})
}

func (r *relay) count(outcome string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[outcome]++
}

func (r *relay) close() {
	if r == nil {
		return
	}
	_, _ = unix.Write(r.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	<-r.ended
	r.release()
}

func (r *relay) release() {
	for _, fd := range append(r.heard, r.reports[0], r.reports[1], r.wake) {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if r.handle != nil {
		r.handle.Close()
	}
}

// TunnelErrors counts what routers inside the tunnels said of packets, by what came of it: relayed to the source of the packet, or why
// not. It is empty where tunnel devices do that by themselves. It may be called from any goroutine.
func (k *Kernel) TunnelErrors() map[string]uint64 {
	if k.relay == nil {
		return nil
	}
	k.relay.mu.Lock()
	defer k.relay.mu.Unlock()
	return maps.Clone(k.relay.counts)
}
