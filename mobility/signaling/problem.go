package signaling

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv6"
	"golang.org/x/time/rate"
)

const (
	ipv6HeaderLength    = 40
	minimumMTU          = 1280 // an ICMPv6 error must not exceed it, RFC 4443 section 2.4 c
	icmpErrorHeader     = 8
	problemsPerSecond   = 10 // RFC 4443 section 2.4 f asks for a limit and suggests a bucket of 10 with this refill
	problemsAtOneStroke = 10
)

// problemSender sends ICMPv6 errors. It receives nothing.
type problemSender struct {
	conn    *ipv6.PacketConn
	limiter *rate.Limiter
}

func newProblemSender() (*problemSender, error) {
	pc, err := net.ListenPacket("ip6:ipv6-icmp", "::")
	if err != nil {
		return nil, fmt.Errorf("open a raw ICMPv6 socket: %w (run as root or with CAP_NET_RAW)", err)
	}
	conn := ipv6.NewPacketConn(pc)
	var none ipv6.ICMPFilter
	none.SetAll(true) // block every type
	if err := conn.SetICMPFilter(&none); err != nil {
		pc.Close()
		return nil, fmt.Errorf("filter the raw ICMPv6 socket: %w", err)
	}
	return &problemSender{conn: conn, limiter: rate.NewLimiter(problemsPerSecond, problemsAtOneStroke)}, nil
}

func (p *problemSender) close() error { return p.conn.Close() }

// SendParameterProblem answers a message whose Payload Proto or Header Len is wrong with ICMPv6 Parameter Problem, Code 0
// (RFC 6275 section 9.2, RFC 4443 section 3.4). offset is the wrong field's in the Mobility Header: 0 for Payload Proto, 1
// for Header Len. At most ten a second leave, the others are counted and suppressed. Where the kernel handles Mobility
// Headers itself (module mip6) it drops such messages and answers them before a socket sees them.
//
// Extension headers of the offending packet are unknown here: the quoted packet is rebuilt without them, and with them
// the pointer would differ.
//
// Over IPv4 there is no such message, and none is sent.
func (c *Conn) SendParameterProblem(offending Message, offset int) {
	if c.problems == nil {
		return
	}
	if !c.problems.limiter.Allow() || c.problems.send(offending, offset) != nil {
		c.counters.parameterSuppressed.Add(1)
		return
	}
	c.counters.parameterProblems.Add(1)
}

func (p *problemSender) send(offending Message, offset int) error {
	problem := icmp.Message{
		Type: ipv6.ICMPTypeParameterProblem,
		Body: &icmp.ParamProb{Pointer: uintptr(ipv6HeaderLength + offset), Data: quote(offending)},
	}
	packet, err := problem.Marshal(nil) // the kernel fills in the checksum
	if err != nil {
		return err
	}
	from := &ipv6.ControlMessage{Src: offending.Destination.AsSlice()}
	_, err = p.conn.WriteTo(packet, from, &net.IPAddr{IP: offending.Source.AsSlice()})
	return err
}

// quote rebuilds the offending packet as far as it fits.
func quote(offending Message) []byte {
	packet := make([]byte, ipv6HeaderLength, ipv6HeaderLength+len(offending.Payload))
	packet[0] = 6 << 4
	binary.BigEndian.PutUint16(packet[4:], uint16(len(offending.Payload)))
	packet[6], packet[7] = protocolMobility, 64
	copyAddr(packet[8:], offending.Source)
	copyAddr(packet[24:], offending.Destination)
	packet = append(packet, offending.Payload...)
	return packet[:min(len(packet), minimumMTU-ipv6HeaderLength-icmpErrorHeader)]
}

func copyAddr(to []byte, a netip.Addr) {
	octets := a.As16()
	copy(to, octets[:])
}
