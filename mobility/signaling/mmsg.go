package signaling

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// frames are what sendmmsg and recvmmsg take, made once: the libraries' way to them allocates for every message, and has the
// runtime take the processor away from a thread whose system call lasts longer than some microseconds. That of a batch of
// messages does, every time; but with MSG_DONTWAIT it never waits, so that the runtime need not know of it.
type frames struct {
	headers [batchSize]mmsghdr
	vectors [batchSize][3]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6 // those of IPv4 are shorter
	control [batchSize][controlSize]byte
}

// mmsghdr is the kernel's struct of that name.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// transfer has the kernel send or receive the messages from first to end, and says how many it did.
func (f *frames) transfer(call, fd uintptr, first, end int) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(&f.headers[first])), uintptr(end-first), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// name4 is the i-th address, in the form for IPv4.
func (f *frames) name4(i int) *unix.RawSockaddrInet4 {
	return (*unix.RawSockaddrInet4)(unsafe.Pointer(&f.names[i]))
}

// from is where message i came from.
func (f *frames) from(i int) (address netip.Addr, port uint16) {
	switch f.names[i].Family {
	case unix.AF_INET6:
		return netip.AddrFrom16(f.names[i].Addr), Port
	case unix.AF_INET:
		return netip.AddrFrom4(f.name4(i).Addr), swapped(f.name4(i).Port)
	}
	return netip.Addr{}, 0
}

// to addresses message i.
func (f *frames) to(i int, address netip.Addr, port uint16) {
	if address.Is4() {
		*f.name4(i) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swapped(port), Addr: address.As4()}
	} else {
		f.names[i] = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: address.As16()}
	}
}

// swapped turns a port from the network's order of octets into ours, or back.
func swapped(port uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(make([]byte, 0, 2), port))
}

// set makes a part of vector i.
func (f *frames) set(i, part int, octets []byte) {
	f.vectors[i][part].Base = unsafe.SliceData(octets)
	f.vectors[i][part].SetLen(len(octets))
}

// descriptor gives access to the socket behind packets.
func descriptor(packets net.PacketConn) (syscall.RawConn, error) {
	return packets.(syscall.Conn).SyscallConn() // all that the net package makes are one
}

func failedCall(name string, errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return os.NewSyscallError(name, errno)
}
