package signaling

import "sync/atomic"

// Counters is what a Conn did since it was opened. The maps are keyed by reason, which is also the metric label.
type Counters struct {
	Received      uint64            // messages handed to the callback
	Sent          uint64            // messages the kernel took
	KernelDrops   uint64            // dropped by the kernel before we read: receive buffer full or checksum wrong
	ReceiveErrors map[string]uint64 // oversize, no_destination, read
	SendErrors    map[string]uint64 // keyed by SendReason

	ParameterProblemsSent       uint64
	ParameterProblemsSuppressed uint64 // by the rate limit or a send error (RFC 4443 section 2.4 f)
}

type counters struct {
	received, sent                         atomic.Uint64
	kernelDrops                            atomic.Uint64
	oversize, noDestination, readErrors    atomic.Uint64
	sendErrors                             [len(sendReasons)]atomic.Uint64
	parameterProblems, parameterSuppressed atomic.Uint64
}

// Counters returns the present counts. Reasons that never occurred are listed with 0.
func (c *Conn) Counters() Counters {
	out := Counters{
		Received:    c.counters.received.Load(),
		Sent:        c.counters.sent.Load(),
		KernelDrops: c.counters.kernelDrops.Load(),
		ReceiveErrors: map[string]uint64{
			"oversize":       c.counters.oversize.Load(),
			"no_destination": c.counters.noDestination.Load(),
			"read":           c.counters.readErrors.Load(),
		},
		SendErrors:                  make(map[string]uint64, len(sendReasons)),
		ParameterProblemsSent:       c.counters.parameterProblems.Load(),
		ParameterProblemsSuppressed: c.counters.parameterSuppressed.Load(),
	}
	for i, reason := range sendReasons {
		out.SendErrors[string(reason)] = c.counters.sendErrors[i].Load()
	}
	return out
}

func (c *counters) notSent(reason SendReason) {
	for i := range sendReasons {
		if sendReasons[i] == reason {
			c.sendErrors[i].Add(1)
		}
	}
}
