package daemon

import (
	"errors"
	"fmt"
	"net/netip"

	"netlmm/configs"
	"netlmm/mobility/signaling"
)

// Sockets are a daemon's sockets for Mobility Headers: one for each family of the transport network that it has an address of.
type Sockets struct{ ipv6, ipv4 *signaling.Conn }

// OpenSockets opens a socket at each of the addresses that is valid: protocol 135 at the IPv6 address, UDP port 5436 at the
// IPv4 address (RFC 5844 section 4). counters gets what they count under name.
func OpenSockets(ipv6, ipv4 netip.Addr, counters *Counters, name string) (*Sockets, error) {
	s := &Sockets{}
	for _, one := range []struct {
		address netip.Addr
		conn    **signaling.Conn
	}{{ipv6, &s.ipv6}, {ipv4, &s.ipv4}} {
		if !one.address.IsValid() {
			continue
		}
		conn, err := signaling.Listen(one.address)
		if err != nil {
			s.Close()
			return nil, err
		}
		*one.conn = conn
		counters.Source(name, SignalingCounts(conn))
	}
	return s, nil
}

// Peers says whose source ports answers go back to (see signaling.Conn.Peers).
func (s *Sockets) Peers(peers []configs.Peer) {
	var addresses []netip.Addr
	for _, peer := range peers {
		addresses = append(addresses, peer.Address)
	}
	for _, conn := range s.all() {
		conn.Peers(addresses)
	}
}

// Close closes them.
func (s *Sockets) Close() {
	for _, conn := range s.all() {
		_ = conn.Close() // nothing follows from it
	}
}

func (s *Sockets) all() (list []*signaling.Conn) {
	for _, conn := range []*signaling.Conn{s.ipv6, s.ipv4} {
		if conn != nil {
			list = append(list, conn)
		}
	}
	return list
}

// toward is the socket for a destination; nil when there is none of its family.
func (s *Sockets) toward(destination netip.Addr) *signaling.Conn {
	if destination.Is4() {
		return s.ipv4
	}
	return s.ipv6
}

// ErrNoSocket: the daemon has no address of the destination's family.
var ErrNoSocket = errors.New("this daemon has no address of that family")

// Send sends one Mobility Header by the socket of its destination's family.
func (s *Sockets) Send(source, destination netip.Addr, payload []byte) error {
	conn := s.toward(destination)
	if conn == nil {
		return fmt.Errorf("to %v: %w", destination, ErrNoSocket)
	}
	return conn.Send(source, destination, payload)
}

// SendBatch sends several, those of each family in their order, and calls failed for each one that did not leave.
func (s *Sockets) SendBatch(messages []signaling.Outgoing, failed func(m signaling.Outgoing, err error)) {
	for len(messages) > 0 {
		n := 1 // as long as the family stays the same: nearly always all
		for n < len(messages) && messages[n].Destination.Is4() == messages[0].Destination.Is4() {
			n++
		}
		if conn := s.toward(messages[0].Destination); conn != nil {
			for i, err := range conn.SendBatch(messages[:n]) {
				if err != nil {
					failed(messages[i], err)
				}
			}
		} else {
			for _, m := range messages[:n] {
				failed(m, ErrNoSocket)
			}
		}
		messages = messages[n:]
	}
}

// Receiver takes what one socket receives, in one goroutine: Received each message, Done when all that were there are received,
// with their payloads still in the socket's buffers.
type Receiver struct {
	Received func(signaling.Message)
	Done     func()
}

// Tasks read the sockets, each with a receiver of its own.
func (s *Sockets) Tasks(receiver func() Receiver) (tasks []Task) {
	for _, conn := range s.all() {
		r := receiver()
		task := SignalingBatches(conn, r.Received, r.Done)
		task.Name += " " + conn.Addr().String()
		tasks = append(tasks, task)
	}
	return tasks
}
