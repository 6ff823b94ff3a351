package transport

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	receiveSize  = 16      // datagrams of one system call
	datagramSize = 1 << 16 // more than UDP can carry
	controlSize  = 256     // room for the address, the time and the count of dropped datagrams
)

// datagramReceiver keeps the buffers of one socket in one Run. What nothing was received into costs no memory.
type datagramReceiver struct {
	messages [receiveSize]ipv6.Message
	control  [receiveSize][controlSize]byte
	packets  []Packet
}

func newDatagramReceiver() *datagramReceiver {
	r := &datagramReceiver{packets: make([]Packet, 0, receiveSize)}
	payloads := make([]byte, receiveSize*datagramSize)
	for i := range r.messages {
		r.messages[i].Buffers = [][]byte{payloads[i*datagramSize : (i+1)*datagramSize : (i+1)*datagramSize]}
	}
	return r
}

// receive hands over what arrives until ctx ends (nil) or the socket is closed.
func (d *datagrams) receive(ctx context.Context, h *hub) error {
	if err := d.conn.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = d.conn.SetReadDeadline(past) })
	defer stop()
	r := newDatagramReceiver()
	for {
		n, err := r.read(d.batch)
		switch {
		case ctx.Err() != nil:
			return nil
		case h.c.closed.Load():
			return errClosed
		case err != nil:
			h.c.count(readFailed)
			pause(ctx, retryPause)
			continue
		}
		r.packets = r.packets[:0]
		for i := range n {
			if packet, wanted := d.packet(&r.messages[i], h.c); wanted {
				r.packets = append(r.packets, packet)
			}
		}
		h.c.add(receivedUDP, len(r.packets))
		h.deliver(r.packets)
	}
}

func (r *datagramReceiver) read(from batches) (int, error) {
	for i := range r.messages {
		r.messages[i].OOB = r.control[i][:]
		r.messages[i].N, r.messages[i].NN, r.messages[i].Flags, r.messages[i].Addr = 0, 0, 0, nil
	}
	return from.ReadBatch(r.messages[:], 0)
}

// packet takes a datagram apart, and counts it if it is not wanted.
func (d *datagrams) packet(m *ipv6.Message, c *Conn) (p Packet, wanted bool) {
	p.Protocol, p.Payload = UDP, m.Buffers[0][:m.N:m.N]
	d.readControl(m.OOB[:m.NN], &p)
	if from, ok := m.Addr.(*net.UDPAddr); ok {
		a := from.AddrPort()
		p.From = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	switch {
	case m.Flags&unix.MSG_TRUNC != 0:
		c.count(truncated)
		return p, false
	case !usable(p.From): // port 0 cannot be answered
		c.count(noSourcePort)
		return p, false
	case !c.config.Admit(UDP, p.From.Addr()):
		c.count(notAdmitted)
		return p, false
	}
	if p.ReceivedAt.IsZero() {
		p.ReceivedAt = time.Now()
	}
	return p, true
}

func (d *datagrams) readControl(rest []byte, p *Packet) {
	for len(rest) >= unix.SizeofCmsghdr {
		header, data, remainder, err := unix.ParseOneSocketControlMessage(rest)
		if err != nil {
			return
		}
		rest = remainder
		switch kind := [2]int32{header.Level, header.Type}; {
		case kind == [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO} && len(data) >= unix.SizeofInet6Pktinfo:
			p.To = netip.AddrFrom16([16]byte(data))
		case kind == [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO} && len(data) >= unix.SizeofInet4Pktinfo:
			p.To = netip.AddrFrom4([4]byte(data[8:])) // ipi_addr, of the packet's header
			if !p.To.IsMulticast() {
				p.To = netip.AddrFrom4([4]byte(data[4:])) // ipi_spec_dst: ours, also when that is a broadcast address
			}
		case kind == [2]int32{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW} && len(data) >= 16:
			p.ReceivedAt = time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])))
		case kind == [2]int32{unix.SOL_SOCKET, unix.SO_RXQ_OVFL} && len(data) >= 4:
			d.drops.Store(uint64(binary.NativeEndian.Uint32(data)))
		}
	}
}
