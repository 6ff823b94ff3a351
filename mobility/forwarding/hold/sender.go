package hold

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// sendBuffer is what may wait in the kernel to be sent, in octets of its counting.
const sendBuffer = 4 << 20

// sender sends IP packets as they are. A route is looked up for their destination as for what the router sends itself.
type sender struct {
	ipv6, ipv4 int // file descriptors
}

// newSender opens its sockets in the network namespace of the calling thread.
func newSender() (*sender, error) {
	s := &sender{ipv6: -1, ipv4: -1}
	var err error
	if s.ipv6, err = rawSocket(unix.AF_INET6); err == nil {
		s.ipv4, err = rawSocket(unix.AF_INET)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold: open a raw socket (CAP_NET_RAW): %w", err), s.close())
	}
	return s, nil
}

// rawSocket is one of IPPROTO_RAW, whose user writes the IP header too. What would come in there is of no interest.
func rawSocket(family int) (int, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW)
	if err != nil {
		return -1, err
	}
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	err = errors.Join(unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing}),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, mark))
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) // without, packets leave in smaller portions
	return fd, nil
}

// send sends one packet. errLater says that there is no room for it now.
func (s *sender) send(octets []byte) error {
	addr, ok := destination(octets)
	if !ok {
		return unix.EINVAL
	}
	var err error
	if addr.Is4() {
		err = unix.Sendto(s.ipv4, octets, 0, &unix.SockaddrInet4{Addr: addr.As4()})
	} else {
		err = unix.Sendto(s.ipv6, octets, 0, &unix.SockaddrInet6{Addr: addr.As16()})
	}
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.ENOBUFS) {
		return errLater
	}
	return err
}

func (s *sender) close() error {
	var errs []error
	for _, fd := range []int{s.ipv6, s.ipv4} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}
