package main

import (
	"container/list"
	"encoding/binary"

	"netlmm/mih/wire"
)

// segment is what TCP carries.
type segment struct {
	srcPort, dstPort uint16
	sequence         uint32
	begins, ends     bool // SYN; FIN or RST
	payload          []byte
}

// tcp is the segment in a datagram, if there is one.
func (d datagram) tcp() (s segment, ok bool) {
	const fixed, fin, syn, rst = 20, 1, 2, 4
	b := d.payload
	if d.protocol != protocolTCP || len(b) < fixed {
		return s, false
	}
	header := int(b[12]>>4) * 4
	if header < fixed || header > len(b) {
		return s, false
	}
	return segment{
		srcPort: binary.BigEndian.Uint16(b), dstPort: binary.BigEndian.Uint16(b[2:]), sequence: binary.BigEndian.Uint32(b[4:]),
		begins: b[13]&syn != 0, ends: b[13]&(fin|rst) != 0, payload: b[header:],
	}, true
}

// piece is a message of a connection, or what there is of one.
type piece struct {
	octets   []byte
	problems []string
}

// maximumConnections bounds how many directions of connections are followed at a time; of more the longest silent one is forgotten.
const maximumConnections = 1024

// connections follows connections well enough to find the messages in them.
type connections struct {
	streams map[flow]*stream
	recent  *list.List // of *stream, the longest silent first
}

func newConnections() *connections { return &connections{map[flow]*stream{}, list.New()} }

// stream is one direction of a connection.
type stream struct {
	flow    flow
	element *list.Element
	known   bool   // next is
	next    uint32 // sequence number
	synced  bool   // a message begins where the last one ended
	rest    []byte // of a message that has begun
}

// take returns the messages that end in a segment.
func (c *connections) take(way flow, s segment) (found []piece) {
	one := c.stream(way)
	if s.begins {
		found = one.abandon("TCP: the connection begins anew")
		one.known, one.synced, one.next = true, true, s.sequence+1
		s.sequence++
	}
	found = append(found, one.take(s.sequence, s.payload)...)
	if s.ends {
		found = append(found, one.abandon("TCP: the connection ends here")...)
		c.recent.Remove(one.element)
		delete(c.streams, way)
	}
	return found
}

func (c *connections) stream(way flow) *stream {
	one := c.streams[way]
	if one != nil {
		c.recent.MoveToBack(one.element)
		return one
	}
	if len(c.streams) >= maximumConnections {
		oldest := c.recent.Remove(c.recent.Front()).(*stream)
		delete(c.streams, oldest.flow)
	}
	one = &stream{flow: way}
	one.element = c.recent.PushBack(one)
	c.streams[way] = one
	return one
}

// farBehind is more than a connection has on its way: such a segment is of another connection.
const farBehind = 1 << 26

// take takes what arrives in order. What came before is left out; behind a gap messages are found again where a segment begins with
// one.
func (s *stream) take(sequence uint32, payload []byte) (found []piece) {
	if len(payload) == 0 {
		return nil
	}
	ahead := int(int32(sequence - s.next))
	switch {
	case !s.known:
	case ahead > 0 || ahead < -farBehind:
		found, s.synced = s.abandon("TCP: what follows is missing in the capture, or came later"), false
	case -ahead >= len(payload):
		return nil
	default:
		sequence, payload = s.next, payload[-ahead:]
	}
	s.known, s.next = true, sequence+uint32(len(payload))
	if !s.synced && !beginsMessage(payload) {
		return found
	}
	s.synced = true
	s.rest = append(s.rest, payload...)
	return append(found, s.whole()...)
}

// beginsMessage says whether octets look like the beginning of a message.
func beginsMessage(octets []byte) bool {
	if len(octets) < 8 {
		return false
	}
	_, err := wire.Size(octets)
	return err == nil && wire.MessageID(binary.BigEndian.Uint16(octets[2:])).Name() != ""
}

// whole takes the messages that are complete.
func (s *stream) whole() (found []piece) {
	for len(s.rest) >= 8 {
		size, err := wire.Size(s.rest)
		if err != nil {
			s.synced = false
			return append(found, s.abandon("TCP: no message begins here")...)
		}
		if len(s.rest) < size {
			break
		}
		found = append(found, piece{octets: s.rest[:size:size]})
		s.rest = s.rest[size:]
	}
	if len(s.rest) == 0 {
		s.rest = nil
	}
	return found
}

// abandon gives up what there is of a message.
func (s *stream) abandon(why string) (found []piece) {
	if len(s.rest) > 0 {
		found = []piece{{octets: s.rest, problems: []string{why}}}
	}
	s.rest = nil
	return found
}
