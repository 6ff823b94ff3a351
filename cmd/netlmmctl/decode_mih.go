package main

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mih/wire"
)

// mihLine is an MIH message, or a fragment of one, with what the packet around it says.
type mihLine struct {
	place
	Reassembled bool `json:"reassembled,omitempty"` // the message that fragments make together, behind the last of them
	wire.Description
}

// mihMessage is what mihFinder found.
type mihMessage struct {
	flow        flow
	transport   string
	octets      []byte
	reassembled bool
	problems    []string
}

// flow is the way from one end to another.
type flow struct{ src, dst netip.AddrPort }

// mihFinder finds MIH messages in the datagrams and connections of a capture, and puts fragments together.
type mihFinder struct {
	ports       map[uint16]bool
	connections *connections
	reassembler *wire.Reassembler
}

func newMIHFinder(ports []uint16) *mihFinder {
	f := &mihFinder{ports: map[uint16]bool{portMIH: true}, connections: newConnections(), reassembler: wire.NewReassembler(wire.DefaultReassemblyLimits)}
	for _, port := range ports {
		f.ports[port] = true
	}
	return f
}

// find returns the messages that end in a datagram. Either port says that it is MIH: a client has another one of its own.
func (f *mihFinder) find(at time.Time, d datagram) (found []mihMessage) {
	if u, ok := d.udp(); ok && (f.ports[uint16(u.SrcPort)] || f.ports[uint16(u.DstPort)]) {
		way := flow{netip.AddrPortFrom(d.src, uint16(u.SrcPort)), netip.AddrPortFrom(d.dst, uint16(u.DstPort))}
		found = append(found, mihMessage{flow: way, transport: "udp", octets: u.Payload, problems: d.problems})
	}
	if s, ok := d.tcp(); ok && (f.ports[s.srcPort] || f.ports[s.dstPort]) {
		way := flow{netip.AddrPortFrom(d.src, s.srcPort), netip.AddrPortFrom(d.dst, s.dstPort)}
		for _, p := range f.connections.take(way, s) {
			found = append(found, mihMessage{flow: way, transport: "tcp", octets: p.octets, problems: slices.Concat(d.problems, p.problems)})
		}
	}
	var all []mihMessage
	for _, m := range found {
		all = append(all, f.together(at, m)...)
	}
	return all
}

// together is a message, with what it completes if it is a fragment.
func (f *mihFinder) together(at time.Time, m mihMessage) []mihMessage {
	if !wire.IsFragment(m.octets) {
		return []mihMessage{m}
	}
	whole, dropped := f.reassembler.Add(at, m.flow.key(), m.octets)
	if dropped != "" {
		m.problems = append(slices.Clone(m.problems), "fragment: is left out: "+string(dropped))
	}
	if whole == nil {
		return []mihMessage{m}
	}
	return []mihMessage{m, {flow: m.flow, transport: m.transport, octets: whole, reassembled: true}}
}

// key makes one address of both ends: to two peers one end may send fragments of the same message and transaction at a time.
func (f flow) key() netip.AddrPort {
	sum := sha256.Sum256(fmt.Append(nil, f.src, f.dst))
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(sum[:16])), f.src.Port())
}

func (c *decoder) mihMessage(at place, m mihMessage) error {
	at.SrcPort, at.DstPort, at.Transport = m.flow.src.Port(), m.flow.dst.Port(), m.transport
	line := mihLine{at, m.reassembled, wire.Describe(m.octets)}
	line.Errors = slices.Insert(line.Errors, 0, m.problems...)
	c.messages++
	return c.show(at, line, line)
}

// String is the message as text.
func (l mihLine) String() string {
	if l.Reassembled {
		return "reassembled: " + l.Description.String()
	}
	return l.Description.String()
}
