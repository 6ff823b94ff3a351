package daemon

import (
	"context"
	"errors"

	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
)

// Signaling is the task that takes Mobility Headers from the socket to received. One whose Payload Proto
// or Header Len is wrong is answered here with ICMPv6 Parameter Problem (RFC 6275 section 9.2); received counts it.
func Signaling(conn *signaling.Conn, received func(signaling.Message)) Task {
	return SignalingBatches(conn, received, func() {})
}

// SignalingBatches is Signaling for a machine that works on several messages at once: done is called when those that were
// there are received, and their payloads are valid until it returns.
func SignalingBatches(conn *signaling.Conn, received func(signaling.Message), done func()) Task {
	return Task{Name: "signaling", Run: func(ctx context.Context) error {
		return conn.RunBatches(ctx, func(m signaling.Message) {
			var malformed *mh.DecodeError
			if errors.As(mh.Check(m.Payload), &malformed) && malformed.Reaction == mh.SendParameterProblem {
				conn.SendParameterProblem(m, malformed.Offset)
			}
			received(m)
		}, done)
	}}
}

// SignalingCounts are the counts of a socket by reason.
func SignalingCounts(conn *signaling.Conn) func() map[string]uint64 {
	return func() map[string]uint64 {
		c := conn.Counters()
		counts := map[string]uint64{"received": c.Received, "sent": c.Sent, "kernel_drops": c.KernelDrops, "parameter_problems_sent": c.ParameterProblemsSent}
		for reason, n := range c.ReceiveErrors {
			counts["receive_"+reason] = n
		}
		for reason, n := range c.SendErrors {
			counts["send_"+reason] = n
		}
		return counts
	}
}
