// Package rawtest helps the tests of this room to send and receive raw IPv6 packets in network namespaces.
package rawtest

import (
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// In runs f on a thread inside the named network namespace. Sockets made there stay there. f must not end the test.
func In(t *testing.T, namespace string, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine and takes the namespace with it
		handle, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			defer handle.Close()
			err = unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("in namespace %s: %v", namespace, err)
	}
}

// Socket is a raw IPv6 socket, of a protocol or, with IPPROTO_RAW, for packets with their own IPv6 header.
type Socket struct{ fd int }

// Open a socket in the namespace; it is closed with the test.
func Open(t *testing.T, namespace string, protocol int) *Socket {
	t.Helper()
	s := &Socket{}
	In(t, namespace, func() (err error) {
		s.fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
		return err
	})
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

// Send data to the address; the error is the kernel's.
func (s *Socket) Send(data []byte, to netip.Addr) error {
	return unix.Sendto(s.fd, data, 0, &unix.SockaddrInet6{Addr: to.As16()})
}

// Receive what comes within the time; nil when nothing does.
func (s *Socket) Receive(within time.Duration) []byte {
	timeout := unix.NsecToTimeval(int64(within))
	if unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout) != nil {
		return nil
	}
	buf := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s.fd, buf, 0)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// Drain throws away what has been received so far.
func (s *Socket) Drain() {
	for s.Receive(20*time.Millisecond) != nil {
	}
}

// MobilityHeader is a Binding Refresh Request (RFC 6275 section 6.1.2) with its checksum, the shortest message there is.
func MobilityHeader(source, destination netip.Addr) []byte {
	mh := []byte{59, 0, 0, 0, 0, 0, 0, 0}
	sum := uint32(135 + len(mh))
	for _, part := range [][]byte{source.AsSlice(), destination.AsSlice(), mh} {
		for i := 0; i < len(part); i += 2 {
			sum += uint32(part[i])<<8 | uint32(part[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	mh[4], mh[5] = byte(^sum>>8), byte(^sum)
	return mh
}

// Packet puts an IPv6 header before the payload.
func Packet(source, destination netip.Addr, nextHeader byte, payload []byte) []byte {
	p := []byte{0x60, 0, 0, 0, byte(len(payload) >> 8), byte(len(payload)), nextHeader, 64}
	p = append(p, source.AsSlice()...)
	p = append(p, destination.AsSlice()...)
	return append(p, payload...)
}
