// Package pace says when a message may go to a peer over UDP and when it counts as lost, which RFC 5677 leaves to the MIH
// Function where TCP does it by itself: RTT measures the round-trip time and makes the retransmission timeout of it (section
// 6.3), Pacer is the token bucket that limits the rate by it (section 6.2). Both are plain state, one of each for a peer, and
// are told the time.
package pace

import "time"

const (
	// MaximumRetransmissions is how often a message without acknowledgement is sent again (RFC 5677 section 6.3).
	MaximumRetransmissions = 2

	// Refresh is how long a peer behind a NAT may hear nothing over UDP before its way back may be forgotten (section 6.4).
	Refresh = 2 * time.Minute
)
