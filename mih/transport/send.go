package transport

import (
	"net/netip"
	"time"
)

// Send sends one message, over UDP at once or not at all, over TCP in its turn on the connection to that peer, which is opened
// if there is none. It never waits. An error is a *SendError; no error means that the kernel or the queue has it.
func (c *Conn) Send(to Destination, payload []byte) (failed error) {
	c.send([]Outgoing{{to, payload}}, func(_ int, err *SendError) { failed = err })
	return failed
}

// SendBatch sends several messages in their order, with one system call for every 32 datagrams in a row. It answers nil when
// all left; else one entry for each message, nil or what Send would have answered.
func (c *Conn) SendBatch(messages []Outgoing) (failed []error) {
	c.send(messages, func(i int, err *SendError) {
		if failed == nil {
			failed = make([]error, len(messages))
		}
		failed[i] = err
	})
	return failed
}

func (c *Conn) send(messages []Outgoing, failed func(i int, err *SendError)) {
	fail := func(i int, err *SendError) {
		err.Destination = messages[i].To
		c.notSent(err.Reason)
		failed(i, err)
	}
	for first := 0; first < len(messages); {
		d, count := c.together(messages[first:])
		if d != nil {
			base := first
			c.sendDatagrams(d, messages[first:first+count], func(i int, err *SendError) { fail(base+i, err) })
		} else if reason := c.sendByTCP(&messages[first]); reason != "" {
			fail(first, &SendError{Reason: reason})
		}
		first += count
	}
}

// together is how many of the first messages leave through the same UDP socket together, and which. None: the first one does not.
func (c *Conn) together(messages []Outgoing) (d *datagrams, count int) {
	d = c.socketFor(messages[0].To)
	for count = 1; d != nil && count < min(len(messages), batchSize); count++ {
		if c.socketFor(messages[count].To) != d {
			break
		}
	}
	return d, count
}

// socketFor is the socket that datagrams to there leave through; nil: none does.
func (c *Conn) socketFor(to Destination) *datagrams {
	if to.Protocol != UDP || !usable(to.Addr) {
		return nil
	}
	for _, d := range c.sockets {
		switch {
		case d.bound.Is4() != to.Addr.Addr().Is4():
		case to.Source.IsValid() && to.Source.Is4() != d.bound.Is4():
		case to.Source.IsValid() && !d.bound.IsUnspecified() && d.bound.WithZone("") != to.Source.WithZone(""):
		case !d.bound.IsUnspecified() && d.bound.Zone() != "" && d.bound.Zone() != to.Addr.Addr().Zone():
		default:
			return d
		}
	}
	return nil
}

// sourceFor is the address that a connection to there comes from; zero: the kernel chooses.
func (c *Conn) sourceFor(to Destination) netip.Addr {
	to.Protocol = UDP
	switch d := c.socketFor(to); {
	case d != nil && !d.bound.IsUnspecified():
		return d.bound
	case to.Source.Is6() && to.Source.IsLinkLocalUnicast() && to.Source.Zone() == "":
		return to.Source.WithZone(to.Addr.Addr().Zone())
	}
	return to.Source
}

func (c *Conn) sendByTCP(o *Outgoing) SendReason {
	to := Destination{Addr: o.To.Addr, Source: o.To.Source}
	switch {
	case o.To.Protocol != TCP, c.socketFor(to) == nil, to.Addr.Addr().IsMulticast(), o.To.Dial.IsValid() && !usable(o.To.Dial):
		return InvalidDestination
	case !framed(o.Payload):
		return InvalidMessage
	}
	h := c.hub.Load()
	if h == nil {
		return NotRunning
	}
	return h.send(o.To, o.Payload, time.Now())
}
