package signaling

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/internal/netnstest"
)

// packetSocket sees what leaves and arrives on the link in our namespace, from the IP header on.
func packetSocket(t *testing.T) (next func() []byte) {
	t.Helper()
	link, err := net.InterfaceByName("core")
	if err != nil {
		t.Fatal(err)
	}
	everything := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(everything))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: link.Index}); err != nil {
		t.Fatal(err)
	}
	limit := unix.NsecToTimeval(int64(patience))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		t.Fatal(err)
	}
	return func() []byte {
		packet := make([]byte, 4096)
		n, _, err := unix.Recvfrom(fd, packet, 0)
		if err != nil {
			t.Fatalf("no packet on the link: %v", err)
		}
		return packet[:n]
	}
}

// sum adds up 16-bit words in one's complement, as Internet checksums do.
func sum(parts ...[]byte) uint16 {
	total := uint32(0)
	for _, part := range parts {
		for i := 0; i < len(part); i += 2 {
			total += uint32(part[i])<<8 | uint32(part[i+1])
		}
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// RFC 5213 sections 5.3.6 and 6.9.1.5: over IPv6 neither a type 2 routing header nor a Home Address option, nor any other
// extension header. RFC 5844 sections 4.1.3.2 and 4.2.2.1: over IPv4 the Mobility Header is the payload of UDP between ports
// 5436, its own checksum is zero, and UDP's is not. The whole packet is looked at, both ways and by both ways to send.
func TestWholePacketOnTheWire(t *testing.T) {
	namespace := newLink(t)
	check := map[string]func(*testing.T, []byte, family, []byte) bool{"IPv6": checkIPv6, "IPv4": checkIPv4}
	for _, f := range families {
		far, near := listenAt(t, namespace, f.far), listenAt(t, "", f.near)
		payload := header(88, 7)
		payload[4], payload[5] = 0xab, 0xcd // what a caller leaves in the field does not matter
		backwards := family{f.name, f.near, f.far}
		for _, way := range []struct {
			name string
			family
			send func() error
		}{
			{"from the far end", f, func() error { return far.Send(f.far, f.near, payload) }},
			{"to the far end", backwards, func() error { return near.Send(f.near, f.far, payload) }},
			{"a batch", backwards, func() error { return errors.Join(near.SendBatch([]Outgoing{{f.near, f.far, payload}})...) }},
		} {
			t.Run(f.name+" "+way.name, func(t *testing.T) {
				next := packetSocket(t)
				if err := way.send(); err != nil {
					t.Fatal(err)
				}
				for !check[f.name](t, next(), way.family, payload) {
				}
				if payload[4] != 0xab || payload[5] != 0xcd {
					t.Error("the caller's payload was changed")
				}
			})
		}
	}
}

// checkIPv6 says whether the packet is one with a Mobility Header between these two, and how it is wrong.
func checkIPv6(t *testing.T, packet []byte, f family, payload []byte) bool {
	if packet[0]>>4 != 6 || !bytes.Contains(packet, payload[6:]) {
		return false // a neighbour is asked for
	}
	if !bytes.Equal(packet[8:24], f.far.AsSlice()) || !bytes.Equal(packet[24:40], f.near.AsSlice()) {
		t.Errorf("addresses % x", packet[8:40])
	}
	if packet[6] != protocolMobility || len(packet) != 40+len(payload) || int(binary.BigEndian.Uint16(packet[4:])) != len(payload) {
		t.Errorf("the Mobility Header does not follow the IPv6 header: next header %d, % x", packet[6], packet)
	}
	mh := packet[40:]
	if !bytes.Equal(mh[:4], payload[:4]) || !bytes.Equal(mh[6:], payload[6:]) {
		t.Errorf("payload % x", mh)
	}
	pseudo := append(packet[8:40:40], 0, 0, 0, byte(len(mh)), 0, 0, 0, protocolMobility)
	if sum(pseudo, mh) != 0xffff {
		t.Error("the checksum is wrong")
	}
	return true
}

func checkIPv4(t *testing.T, packet []byte, f family, payload []byte) bool {
	if packet[0]>>4 != 4 || !bytes.Contains(packet, payload[6:]) {
		return false
	}
	if !bytes.Equal(packet[12:16], f.far.AsSlice()) || !bytes.Equal(packet[16:20], f.near.AsSlice()) {
		t.Errorf("addresses % x", packet[12:20])
	}
	if packet[0] != 0x45 || packet[9] != unix.IPPROTO_UDP || len(packet) != 20+8+len(payload) {
		t.Fatalf("not a UDP datagram behind a plain IPv4 header: % x", packet)
	}
	datagram := packet[20:]
	if source, destination := binary.BigEndian.Uint16(datagram), binary.BigEndian.Uint16(datagram[2:]); source != Port || destination != Port {
		t.Errorf("ports %d to %d", source, destination)
	}
	mh := datagram[8:]
	if !bytes.Equal(mh[:4], payload[:4]) || !bytes.Equal(mh[6:], payload[6:]) || mh[4] != 0 || mh[5] != 0 {
		t.Errorf("payload % x", mh)
	}
	pseudo := append(packet[12:20:20], 0, unix.IPPROTO_UDP, 0, byte(len(datagram)))
	checksum := binary.BigEndian.Uint16(datagram[6:])
	if sum(pseudo, datagram) != 0xffff && checksum != sum(pseudo) { // the latter is what a link that computes it itself is given
		t.Errorf("UDP checksum %#x", checksum)
	}
	return true
}

func TestBatchesArriveInOrder(t *testing.T) {
	namespace := newLink(t)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			from, to := listenAt(t, namespace, f.far), listenAt(t, "", f.near)
			received := run(t, to)
			before := time.Now().Add(-time.Second)
			var messages []Outgoing
			for i := range 3*batchSize + 1 {
				messages = append(messages, Outgoing{f.far, f.near, header(88, byte(i))})
			}
			if failed := from.SendBatch(messages); failed != nil {
				t.Fatal(failed)
			}
			for i := range messages {
				m := next(t, received)
				if m.Source != f.far || m.Destination != f.near || len(m.Payload) != 88 || m.Payload[87] != byte(i) {
					t.Fatalf("message %d: %+v", i, m)
				}
				if m.ReceivedAt.Before(before) || m.ReceivedAt.After(time.Now().Add(time.Second)) {
					t.Errorf("received at %v, now is %v", m.ReceivedAt, time.Now())
				}
			}
			if c := from.Counters(); c.Sent != uint64(len(messages)) {
				t.Errorf("sender counts %+v", c)
			}
			if c := to.Counters(); c.Received != uint64(len(messages)) {
				t.Errorf("receiver counts %+v", c)
			}
		})
	}
}

// One message that cannot leave does not hold up those behind it.
func TestBatchWithUnsendableMessages(t *testing.T) {
	namespace := newLink(t)
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			from, to := listenAt(t, namespace, f.far), listenAt(t, "", f.near)
			received := run(t, to)
			nowhere, foreign := "2001:db8:ffff::1", "192.0.2.2"
			if f.far.Is4() {
				nowhere, foreign = "198.51.100.1", "2001:db8:1::b"
			}
			messages := []Outgoing{
				{f.far, f.near, header(88, 1)},
				{f.far, netip.MustParseAddr(nowhere), header(88, 2)},
				{f.far, netip.MustParseAddr(foreign), header(88, 3)},
				{f.far, f.near, make([]byte, MaxPayload+8)},
				{f.far, netip.Addr{}, header(88, 4)},
				{f.far, f.near, header(88, 5)},
			}
			var reasons []SendReason
			for _, err := range from.SendBatch(messages) {
				reasons = append(reasons, reason(err))
			}
			if want := []SendReason{"", Unreachable, InvalidAddress, TooBig, InvalidAddress, ""}; !slices.Equal(reasons, want) {
				t.Errorf("%v, want %v", reasons, want)
			}
			for _, mark := range []byte{1, 5} {
				if m := next(t, received); m.Payload[87] != mark {
					t.Errorf("message %d in place of %d", m.Payload[87], mark)
				}
			}
			if c := from.Counters(); c.Sent != 2 || c.SendErrors[string(InvalidAddress)] != 2 || c.SendErrors[string(Unreachable)] != 1 {
				t.Errorf("counters %+v", c)
			}
		})
	}
}

// RFC 5844 sections 4.1.3.1 and 4.1.3.2: the checksum of the Mobility Header is ignored, and the answer goes to the port that
// the request came from.
func TestAnswerGoesToTheSourcePort(t *testing.T) {
	namespace, f := newLink(t), families[1]
	ours := listenAt(t, "", f.near)
	ours.Peers([]netip.Addr{f.far})
	received := run(t, ours)
	var other *net.UDPConn
	netnstest.In(t, namespace, func() (err error) {
		other, err = net.DialUDP("udp4", &net.UDPAddr{IP: f.far.AsSlice(), Port: 40000}, &net.UDPAddr{IP: f.near.AsSlice(), Port: Port})
		return err
	})
	defer other.Close()
	request := header(88, 1)
	request[4], request[5] = 0xde, 0xad
	if _, err := other.Write(request); err != nil {
		t.Fatal(err)
	}
	if m := next(t, received); !bytes.Equal(m.Payload, request) {
		t.Errorf("got % x", m.Payload)
	}
	if err := ours.Send(f.near, f.far, header(88, 2)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 200)
	_ = other.SetReadDeadline(time.Now().Add(patience))
	if n, err := other.Read(answer); err != nil || n != 88 || answer[87] != 2 {
		t.Errorf("the answer: %d octets, %v", n, err)
	}
	usual := listenAt(t, namespace, f.far)
	back := run(t, usual)
	if err := usual.Send(f.far, f.near, header(88, 3)); err != nil {
		t.Fatal(err)
	}
	next(t, received)
	if err := ours.Send(f.near, f.far, header(88, 4)); err != nil {
		t.Fatal(err)
	}
	if m := next(t, back); m.Payload[87] != 4 {
		t.Errorf("message %d", m.Payload[87])
	}
}

// What is wrong on the way, or too long, reaches nobody; and nobody is told by ICMPv6.
func TestHostileDatagrams(t *testing.T) {
	namespace, f := newLink(t), families[1]
	ours := listenAt(t, "", f.near)
	received := run(t, ours)
	var raw, udp net.Conn
	netnstest.In(t, namespace, func() (err error) {
		if raw, err = net.Dial("ip4:udp", f.near.String()); err == nil {
			udp, err = net.DialUDP("udp4", &net.UDPAddr{IP: f.far.AsSlice(), Port: Port}, &net.UDPAddr{IP: f.near.AsSlice(), Port: Port})
		}
		return err
	})
	defer raw.Close()
	defer udp.Close()
	wrong := append([]byte{Port >> 8, Port & 0xff, Port >> 8, Port & 0xff, 0, 8 + 88, 0x12, 0x34}, header(88, 1)...)
	if _, err := raw.Write(wrong); err != nil {
		t.Fatal(err)
	}
	for _, payload := range [][]byte{make([]byte, 3000), {}, header(88, 2)} {
		if _, err := udp.Write(payload); err != nil {
			t.Fatal(err)
		}
	}
	if m := next(t, received); len(m.Payload) != 0 { // the codec refuses it
		t.Errorf("got %d octets", len(m.Payload))
	}
	if m := next(t, received); m.Payload[87] != 2 {
		t.Errorf("message %d", m.Payload[87])
	}
	ours.SendParameterProblem(Message{Source: f.far, Destination: f.near, Payload: header(88, 9)}, 1)
	if c := ours.Counters(); c.Received != 2 || c.ReceiveErrors["oversize"] != 1 || c.ParameterProblemsSent+c.ParameterProblemsSuppressed != 0 {
		t.Errorf("counters: %+v", c)
	}
}

func TestListenIPv4(t *testing.T) {
	newLink(t)
	wildcard, err := Listen(netip.IPv4Unspecified())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(netip.MustParseAddr(nearV4)); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("a second socket of the port: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- wildcard.Run(context.Background(), func(Message) {}) }()
	if err := wildcard.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	for _, addr := range []string{"224.0.0.1", "169.254.1.1", "255.255.255.255", "198.51.100.1"} {
		if c, err := Listen(netip.MustParseAddr(addr)); err == nil {
			c.Close()
			t.Errorf("Listen(%s) succeeded", addr)
		}
	}
}

// Datagrams of strangers, which cost nothing to send, leave nothing behind and push no peer's port out.
func TestPortsOfPeersAloneAreRemembered(t *testing.T) {
	var p sourcePorts
	peer, stranger := netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("10.1.0.0")
	p.name([]netip.Addr{peer})
	p.saw(peer, 7)
	for range 3000 {
		stranger = stranger.Next()
		p.saw(stranger, 8)
	}
	if p.of(peer) != 7 || p.of(stranger) != Port || len(p.other) != 1 {
		t.Errorf("peer %d, stranger %d, %d ports are remembered", p.of(peer), p.of(stranger), len(p.other))
	}
	p.saw(peer, Port)
	if p.of(peer) != Port || len(p.other) != 0 {
		t.Errorf("a peer that came back to the usual port has %d", p.of(peer))
	}
	p.saw(peer, 7)
	p.name(nil)
	if p.of(peer) != Port {
		t.Errorf("one that is no peer any more has %d", p.of(peer))
	}
}
