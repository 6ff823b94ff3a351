package kernel

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many requests one send carries; the answers, should all be refused, fit any receive buffer.
	batchSize = 64
	// replyTimeout ends the wait for a kernel that does not answer.
	replyTimeout = 10 * time.Second
	// A burst of seg6 routes can exhaust the kernel's per-CPU reserve, which it refills in the background: ENOMEM is
	// transient and is tried again this often, after a pause that doubles.
	memoryRetries    = 6
	memoryRetryPause = time.Millisecond
	// dumpRetries is how often a dump that changes interrupted is repeated.
	dumpRetries = 10
)

// request is one thing to add or delete.
type request struct {
	route     *route // exactly one of route, rule, hop, neighbour, sender and offload is set
	rule      *rule
	hop       *hop
	neighbour *neighbour
	sender    *sender
	offload   *offload
	remove    bool
}

func (r request) String() string {
	if r.rule != nil {
		return r.rule.String()
	}
	if r.hop != nil {
		return r.hop.String()
	}
	if r.neighbour != nil {
		return r.neighbour.String()
	}
	if r.sender != nil {
		return r.sender.String()
	}
	if r.offload != nil {
		return r.offload.String()
	}
	return r.route.String()
}

// conn speaks to the kernel of the network namespace in which it was opened. It keeps its sockets: opening one a request
// would cost more than the request.
type conn struct {
	*netlink.Handle                  // links, neighbours, addresses
	sock            *nl.SocketHandle // routes and rules
	generic         *genetlink.Conn  // nil where it could not be opened
	names           int              // file descriptor for interface names and indices
	filter          *filter          // nil at an anchor
	offloading      *offloadTable    // nil but at a gateway that offloads
	protocol        uint8
	indexes         map[string]uint32 // of the do under way
	templates       map[shape][]byte

	// Memory of do, kept for the next.
	errs     []error
	todo     []int
	changing []sender
	datagram []byte
	buffer   [16 << 10]byte // for acknowledgements
}

func dial(protocol uint8) (*conn, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open a netlink handle: %w", err)
	}
	c := &conn{Handle: h, names: -1, protocol: protocol, indexes: map[string]uint32{}, templates: map[shape][]byte{}}
	if c.sock, err = socket(unix.NETLINK_ROUTE); err == nil {
		c.generic, err = genetlink.Dial(nil)
	}
	if err == nil {
		c.names, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("open a socket to the kernel: %w", err)
	}
	return c, nil
}

// socket opens a netlink socket that reports errors in words and does not send requests back.
func socket(family int) (*nl.SocketHandle, error) {
	s, err := nl.GetNetlinkSocketAt(netns.None(), netns.None(), family)
	if err != nil {
		return nil, err
	}
	timeout := unix.NsecToTimeval(replyTimeout.Nanoseconds())
	err = errors.Join(s.SetReceiveTimeout(&timeout), s.SetSendTimeout(&timeout), s.SetExtAck(true),
		unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1))
	if err != nil {
		s.Close()
		return nil, err
	}
	return &nl.SocketHandle{Socket: s}, nil
}

func (c *conn) close() {
	c.Handle.Close()
	if c.sock != nil {
		c.sock.Close()
	}
	if c.generic != nil {
		_ = c.generic.Close()
	}
	if c.names >= 0 {
		unix.Close(c.names)
	}
	if c.filter != nil {
		c.filter.close()
	}
	if c.offloading != nil {
		c.offloading.close()
	}
}

// index is the interface index of name. It is asked for each time: an access interface may be made anew at any moment.
func (c *conn) index(name string) (uint32, error) {
	ifr, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(c.names, unix.SIOCGIFINDEX, ifr)
	}
	if err != nil {
		return 0, fmt.Errorf("interface %s: %w", name, err)
	}
	return ifr.Uint32(), nil
}

// indexOnce is index, asked for once in each do.
func (c *conn) indexOnce(name string) (uint32, error) {
	index, known := c.indexes[name]
	if known {
		return index, nil
	}
	index, err := c.index(name)
	if err == nil {
		c.indexes[name] = index
	}
	return index, err
}

// do executes requests and returns one error each, which are the caller's until the next do. Adding what is there and deleting
// what is not there succeed.
func (c *conn) do(requests []request) []error {
	clear(c.indexes)
	c.errs = append(c.errs[:0], make([]error, len(requests))...)
	errs := c.errs
	c.changeSenders(requests, errs)
	c.changeOffloads(requests, errs, true)
	todo := c.todo[:0]
	for i := range requests {
		if requests[i].sender == nil && requests[i].offload == nil {
			todo = append(todo, i)
		}
	}
	c.todo = todo
	for attempt := 0; len(todo) > 0; attempt++ {
		for start := 0; start < len(todo); start += batchSize {
			c.batch(requests, errs, todo[start:min(start+batchSize, len(todo))])
		}
		if attempt == memoryRetries {
			break
		}
		again := todo[:0]
		for _, i := range todo {
			if errors.Is(errs[i], unix.ENOMEM) {
				again = append(again, i)
			}
		}
		if todo = again; len(todo) > 0 {
			time.Sleep(memoryRetryPause << attempt)
		}
	}
	c.changeOffloads(requests, errs, false)
	for i, err := range errs {
		if err != nil {
			errs[i] = fmt.Errorf("%s: %w", requests[i], err)
		}
	}
	return errs
}

// changeSenders executes those of the requests that are about senders, each way in one transaction.
func (c *conn) changeSenders(requests []request, errs []error) {
	for _, remove := range []bool{false, true} {
		c.todo, c.changing = c.todo[:0], c.changing[:0]
		for i := range requests {
			if r := &requests[i]; r.sender != nil && r.remove == remove {
				c.todo, c.changing = append(c.todo, i), append(c.changing, *r.sender)
			}
		}
		if len(c.todo) == 0 {
			continue
		}
		err := c.filter.change(c.changing, remove)
		for _, i := range c.todo {
			errs[i] = err
		}
	}
}

// batch sends the requests which todo indexes in one datagram and collects their outcomes into errs. The kernel works on them
// in their order and answers what it refused; only the last is acknowledged, and speaks for all before it.
func (c *conn) batch(requests []request, errs []error, todo []int) {
	first := atomic.AddUint32(&c.sock.Seq, uint32(len(todo))) - uint32(len(todo)) + 1
	datagram, start, last := c.datagram[:0], -1, uint32(0)
	for n, i := range todo {
		end := len(datagram)
		if datagram, errs[i] = c.append(datagram, requests[i]); errs[i] == nil {
			start, last = end, first+uint32(n)
			number(datagram[start:], last)
		}
	}
	c.datagram = datagram
	if start < 0 {
		return
	}
	acknowledge(datagram[start:])
	err := c.send(datagram)
	if err != nil {
		err = fmt.Errorf("send to the kernel: %w", err)
	} else if err = c.collect(requests, errs, todo, first, last); err != nil {
		err = fmt.Errorf("receive from the kernel: %w", err)
	}
	if err != nil {
		for _, i := range todo {
			errs[i] = err
		}
	}
}

// collect reads answers to the requests numbered from first on, up to the one to last.
func (c *conn) collect(requests []request, errs []error, todo []int, first, last uint32) error {
	for {
		msgs, err := c.receive()
		if err != nil {
			return err
		}
		for _, m := range msgs {
			n := m.Header.Seq - first
			if m.Header.Type != unix.NLMSG_ERROR || n >= uint32(len(todo)) {
				continue // of a batch that was given up
			}
			errs[todo[n]] = outcome(m, requests[todo[n]].remove)
			if m.Header.Seq == last {
				return nil
			}
		}
	}
}

// errUnanswered says that an answer has not come in time.
var errUnanswered = errors.New("the kernel has not answered")

// send writes whole messages in one datagram. The kernel works on them before it returns, so that the socket never fills.
func (c *conn) send(datagram []byte) error {
	return unix.Sendto(c.sock.Socket.GetFd(), datagram, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// receive reads one datagram. The kernel works on a request while it is being sent, so that the answer is normally there;
// the library's Receive would allocate 64 KiB for each.
func (c *conn) receive() ([]syscall.NetlinkMessage, error) {
	fd := c.sock.Socket.GetFd()
	for {
		n, from, err := unix.Recvfrom(fd, c.buffer[:], unix.MSG_DONTWAIT)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(replyTimeout.Milliseconds()))
			if err != nil && err != unix.EINTR {
				return nil, err
			}
			if err == nil && ready == 0 {
				return nil, errUnanswered
			}
		case err != nil:
			return nil, err
		default:
			if sender, ok := from.(*unix.SockaddrNetlink); ok && sender.Pid == nl.PidKernel {
				return syscall.ParseNetlinkMessage(c.buffer[:n])
			}
		}
	}
}

// outcome reads one acknowledgement.
func outcome(m syscall.NetlinkMessage, remove bool) error {
	if len(m.Data) < 4 {
		return errors.New("truncated acknowledgement")
	}
	errno := unix.Errno(-int32(nl.NativeEndian().Uint32(m.Data)))
	switch {
	case errno == 0, !remove && errno == unix.EEXIST, remove && (errno == unix.ESRCH || errno == unix.ENOENT || errno == unix.ENODEV):
		return nil
	}
	// With NETLINK_CAP_ACK the kernel's text follows the header of our request.
	if m.Header.Flags&unix.NLM_F_ACK_TLVS != 0 && len(m.Data) > 4+unix.SizeofNlMsghdr {
		if attrs, err := nl.ParseRouteAttr(m.Data[4+unix.SizeofNlMsghdr:]); err == nil {
			for _, a := range attrs {
				if a.Attr.Type == nl.NLMSGERR_ATTR_MSG {
					return fmt.Errorf("%w: %s", errno, unix.ByteSliceToString(a.Value))
				}
			}
		}
	}
	return errno
}

// dump returns the bodies of a dump's messages. It begins anew when changes interrupted it.
func (c *conn) dump(kind int, header nl.NetlinkRequestData, answer uint16) (bodies [][]byte, err error) {
	for attempt := 0; ; attempt++ {
		bodies = nil
		err = c.dumpOnce(kind, header, answer, func(b []byte) { bodies = append(bodies, b) })
		if !errors.Is(err, netlink.ErrDumpInterrupted) || attempt == dumpRetries {
			return bodies, err
		}
	}
}

// dumpOnce visits the bodies of a dump's messages, which are not all or the right ones after ErrDumpInterrupted.
func (c *conn) dumpOnce(kind int, header nl.NetlinkRequestData, answer uint16, visit func([]byte)) error {
	req := nl.NewNetlinkRequest(kind, unix.NLM_F_DUMP)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: c.sock}
	req.AddData(header)
	return req.ExecuteIter(unix.NETLINK_ROUTE, answer, func(b []byte) bool {
		visit(b)
		return true
	})
}
