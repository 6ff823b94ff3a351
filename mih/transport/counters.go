package transport

import "sync/atomic"

// Counters is what a Conn did since it was opened. The keys of the maps are metric labels; what never occurred is there with 0.
type Counters struct {
	Received      map[string]uint64 // messages handed to the callback, by protocol
	Sent          map[string]uint64 // messages the kernel took, by protocol
	Refused       map[string]uint64 // datagrams (source, port) and connections (the others) of others: not_admitted, too_many, too_many_from_address
	ReceiveErrors map[string]uint64 // read, accept, truncated, no_source_port, bad_version, cut_off, slow_message
	SendErrors    map[string]uint64 // by SendReason
	Dropped       map[string]uint64 // messages for TCP that Send had taken: expired, connection_lost, stopped
	Connections   map[string]uint64 // accepted, dialled, dial_failed, idle, resent (messages of a connection that ended, on another)
	KernelDrops   uint64            // datagrams dropped before we read: receive buffer full or checksum wrong
}

// event is something that is counted.
type event int

const (
	receivedUDP event = iota
	receivedTCP
	sentUDP
	sentTCP
	notAdmitted
	tooManyConnections
	tooManyFromAddress
	readFailed
	acceptFailed
	truncated
	noSourcePort
	badVersion
	cutOff
	slowMessage
	expired
	connectionLost
	stopped
	accepted
	dialled
	dialFailed
	idle
	resent
	numberOfEvents
)

type counters struct {
	events     [numberOfEvents]atomic.Uint64
	sendErrors [len(sendReasons)]atomic.Uint64
}

func (c *counters) count(e event)      { c.events[e].Add(1) }
func (c *counters) add(e event, n int) { c.events[e].Add(uint64(n)) }
func (c *counters) of(e event) uint64  { return c.events[e].Load() }
func (c *counters) notSent(r SendReason) {
	for i := range sendReasons {
		if sendReasons[i] == r {
			c.sendErrors[i].Add(1)
		}
	}
}

func (c *counters) snapshot() Counters {
	out := Counters{
		Received: map[string]uint64{"udp": c.of(receivedUDP), "tcp": c.of(receivedTCP)},
		Sent:     map[string]uint64{"udp": c.of(sentUDP), "tcp": c.of(sentTCP)},
		Refused:  map[string]uint64{"not_admitted": c.of(notAdmitted), "too_many": c.of(tooManyConnections), "too_many_from_address": c.of(tooManyFromAddress)},
		ReceiveErrors: map[string]uint64{"read": c.of(readFailed), "accept": c.of(acceptFailed), "truncated": c.of(truncated), "no_source_port": c.of(noSourcePort),
			"bad_version": c.of(badVersion), "cut_off": c.of(cutOff), "slow_message": c.of(slowMessage)},
		SendErrors:  make(map[string]uint64, len(sendReasons)),
		Dropped:     map[string]uint64{"expired": c.of(expired), "connection_lost": c.of(connectionLost), "stopped": c.of(stopped)},
		Connections: map[string]uint64{"accepted": c.of(accepted), "dialled": c.of(dialled), "dial_failed": c.of(dialFailed), "idle": c.of(idle), "resent": c.of(resent)},
	}
	for i, reason := range sendReasons {
		out.SendErrors[string(reason)] = c.sendErrors[i].Load()
	}
	return out
}
