package radius

import (
	"bytes"
	"container/list"
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	codec "layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2866"

	"netlmm/internal/ingress"
	"netlmm/internal/radiusauth"
)

// Forward is an accounting server that gets every record as well (RFC 2865 section 2.3).
type Forward struct {
	Server netip.AddrPort
	Secret Secret
	// Always answers the client at once. Without it the client's answer is that of the server: accounting that no server has is still
	// the client's to repeat.
	Always bool
}

const (
	firstWait    = 2 * time.Second // RFC 5080 section 2.2.1: IRT
	longestWait  = 16 * time.Second
	clientWaits  = 30 * time.Second // MRD: how long a client's request is worth an answer
	recordLives  = 24 * time.Hour   // of a record whose client was answered
	patientTries = 3                // of a record before others go first
	ignoredTries = 10               // of one record by a server that answers others
	sameWords    = 5 * time.Second  // after which a record says how much later it is

	firstWindow, widestWindow = 16, 128 // records that are on their way at a time
	maximumForward            = 8192    // that wait
	maximumForwardOctets      = 16 << 20
)

// waiting is a client that is answered when the server has answered.
type waiting struct {
	from     ingress.Datagram
	question question
	request  *codec.Packet
}

// forwarded is a record for the server.
type forwarded struct {
	packet   *codec.Packet
	delay    uint32 // Acct-Delay-Time of the client
	client   *waiting
	since    time.Time
	octets   int
	attempts int
	ignored  int // attempts that the server did not answer while it answered others

	wire      []byte
	sent, due time.Time
}

// forwarder brings records to the server. It is used by one goroutine.
type forwarder struct {
	cfg   Forward
	send  func([]byte)
	count func(string)
	gone  func(*waiting) // a client gets no answer

	own      [8]byte // begins what this process puts into Proxy-State
	serial   uint64
	queue    *list.List // of *forwarded that were never sent
	octets   int        // of queue and flight
	flight   [256]*forwarded
	flying   int
	window   int
	next     byte // identifier to try
	answered time.Time
}

func newForwarder(cfg Forward) *forwarder {
	cfg.Server = netip.AddrPortFrom(cfg.Server.Addr().Unmap(), cfg.Server.Port())
	f := &forwarder{cfg: cfg, queue: list.New(), window: firstWindow}
	_, _ = rand.Read(f.own[:]) // does not fail
	return f
}

// loops says whether a request has been here before: servers that forward to each other must not keep it going round.
func (f *forwarder) loops(p *codec.Packet) bool {
	return slices.ContainsFunc(p.Attributes, func(a *codec.AVP) bool {
		return a.Type == rfc2865.ProxyState_Type && bytes.HasPrefix(a.Attribute, f.own[:])
	})
}

// add takes a request for the server; false: there is no room.
func (f *forwarder) add(now time.Time, p *codec.Packet, octets int, client *waiting) bool {
	if f.queue.Len() >= maximumForward || f.octets+octets > maximumForwardOctets {
		return false
	}
	r := &forwarded{
		packet: &codec.Packet{Code: codec.CodeAccountingRequest, Secret: f.cfg.Secret}, delay: uint32(rfc2866.AcctDelayTime_Get(p)),
		client: client, since: now, octets: octets,
	}
	for _, a := range p.Attributes {
		r.packet.Add(a.Type, a.Attribute)
	}
	f.serial++
	r.packet.Add(rfc2865.ProxyState_Type, binary.BigEndian.AppendUint64(slices.Clone(f.own[:]), f.serial))
	f.octets += octets
	f.queue.PushBack(r)
	f.advance(now)
	return true
}

// advance sends what has not been sent yet, as far as the window reaches.
func (f *forwarder) advance(now time.Time) {
	for f.flying < f.window && f.queue.Len() > 0 {
		r := f.queue.Remove(f.queue.Front()).(*forwarded)
		if f.over(now, r) {
			f.giveUp(r)
			continue
		}
		f.transmit(now, r)
	}
}

// transmit sends a record for the first time or again. One that has been waiting says so, and is another packet then (RFC 2866
// section 5.2).
func (f *forwarder) transmit(now time.Time, r *forwarded) {
	if waited := now.Sub(r.since); r.wire == nil || waited >= sameWords {
		f.land(r)
		if late := uint32(waited / time.Second); late > 0 {
			_ = rfc2866.AcctDelayTime_Set(r.packet, rfc2866.AcctDelayTime(r.delay+late)) // takes every value
		}
		for f.flight[f.next] != nil {
			f.next++
		}
		r.packet.Identifier = f.next
		f.next++
		wire, err := radiusauth.Encode(r.packet)
		if err != nil { // what was added made it longer than any packet
			f.count("forward_too_long")
			f.leave(r)
			return
		}
		r.wire = wire
		f.flight[r.packet.Identifier] = r
		f.flying++
	}
	counter := "forward_retransmitted"
	if r.attempts == 0 {
		counter = "forwarded"
	}
	f.count(counter)
	r.sent, r.due = now, now.Add(min(firstWait<<min(r.attempts, patientTries), longestWait))
	r.attempts++
	f.send(r.wire)
}

// land takes a record's identifier back.
func (f *forwarder) land(r *forwarded) {
	if id := r.packet.Identifier; f.flight[id] == r {
		f.flight[id] = nil
		f.flying--
	}
}

// leave forgets a record that is no longer in the queue.
func (f *forwarder) leave(r *forwarded) {
	f.land(r)
	f.octets -= r.octets
	if r.client != nil {
		f.gone(r.client)
	}
}

// tick repeats what was not answered, ever more slowly, and fewer records at a time. One that was repeated in vain lets the others go
// first: it may be the only one that the server does not take.
func (f *forwarder) tick(now time.Time) {
	for e := f.queue.Front(); e != nil && f.over(now, e.Value.(*forwarded)); e = f.queue.Front() {
		f.giveUp(f.queue.Remove(e).(*forwarded))
	}
	for _, r := range slices.Clone(f.flight[:]) {
		if r == nil || now.Before(r.due) {
			continue
		}
		if f.answered.After(r.sent) {
			r.ignored++
		}
		f.window = max(1, f.window/2)
		switch {
		case f.over(now, r):
			f.giveUp(r)
		case r.attempts > patientTries:
			f.land(r)
			r.wire = nil
			f.queue.PushBack(r)
		default:
			f.transmit(now, r)
		}
	}
	f.advance(now)
}

func (f *forwarder) giveUp(r *forwarded) {
	f.count("forward_unanswered")
	f.leave(r)
}

// over says whether a record is given up.
func (f *forwarder) over(now time.Time, r *forwarded) bool {
	if r.client != nil {
		return now.Sub(r.since) >= clientWaits
	}
	return now.Sub(r.since) >= recordLives || r.ignored >= ignoredTries
}

// answer takes what came from the server, and returns the client that waits for it.
func (f *forwarder) answer(now time.Time, datagram []byte) (client *waiting, p *codec.Packet) {
	packet, err := radiusauth.Trim(datagram)
	if err != nil || f.flight[packet[1]] == nil {
		f.count("forward_bad_answer") // or one that came too late
		return nil, nil
	}
	r := f.flight[packet[1]]
	if p, err = authenticAnswer(packet, r.wire, f.cfg.Secret); err != nil {
		f.count("forward_bad_answer")
		return nil, nil
	}
	f.count("forward_answered")
	f.answered, f.window = now, min(f.window+1, widestWindow)
	client, r.client = r.client, nil
	f.leave(r)
	f.advance(now)
	return client, p
}
