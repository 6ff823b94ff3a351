package pace

import "time"

// Bounds limit a retransmission timeout. A zero field stands for that of DefaultBounds.
type Bounds struct {
	Initial time.Duration // while no round-trip time is known
	Minimum time.Duration
	Maximum time.Duration
}

// DefaultBounds are 3 s at first and 30 s at most (RFC 5677 section 6.3), 1 s at least (RFC 6298 section 2.4). Where nothing but
// an access network lies between the peers a lower minimum is worth having: a handover does not wait a second.
var DefaultBounds = Bounds{Initial: 3 * time.Second, Minimum: time.Second, Maximum: 30 * time.Second}

// granularity is the G of RFC 6298: what timers and the peer's batches make of any round-trip time.
const granularity = time.Millisecond

// longest is the longest round-trip time that is believed.
const longest = 2 * time.Minute

// forgetAfter is how many timeouts in a row make the measured time worthless (RFC 6298 section 5, last note).
const forgetAfter = 3

// RTT estimates the round-trip time to one peer as RFC 6298 does it (RFC 5677 names its forerunner, RFC 2988). The zero value
// has the DefaultBounds and has measured nothing.
type RTT struct {
	bounds    Bounds
	smoothed  time.Duration // SRTT; 0: nothing measured
	variation time.Duration // RTTVAR
	timeout   time.Duration // RTO; 0: Initial
	timeouts  int           // since the last measurement
}

// NewRTT makes an estimator with these bounds.
func NewRTT(bounds Bounds) RTT { return RTT{bounds: bounds} }

func (r *RTT) within() Bounds {
	b := r.bounds
	if b.Initial <= 0 {
		b.Initial = DefaultBounds.Initial
	}
	if b.Minimum <= 0 {
		b.Minimum = DefaultBounds.Minimum
	}
	if b.Maximum <= 0 {
		b.Maximum = DefaultBounds.Maximum
	}
	b.Maximum = max(b.Maximum, b.Minimum)
	b.Initial = min(b.Initial, b.Maximum)
	return b
}

// Acknowledged takes note of a message that was first sent at sent and acknowledged at now. Of a message that was sent more
// than once nobody knows which sending is acknowledged: it measures nothing, and the timeout stays as long as it has become
// (Karn's algorithm, RFC 6298 section 3).
func (r *RTT) Acknowledged(sent, now time.Time, retransmitted bool) {
	if retransmitted {
		return
	}
	sample := min(max(now.Sub(sent), time.Microsecond), longest)
	if r.smoothed == 0 { // section 2.2
		r.smoothed, r.variation = sample, sample/2
	} else { // section 2.3
		r.variation = (3*r.variation + (r.smoothed - sample).Abs()) / 4
		r.smoothed = max((7*r.smoothed+sample)/8, time.Microsecond)
	}
	b := r.within()
	r.timeout = min(max(r.smoothed+max(granularity, 4*r.variation), b.Minimum), b.Maximum)
	r.timeouts = 0
}

// TimedOut takes note that a message was not acknowledged in time: the timeout doubles (RFC 6298 section 5.5).
func (r *RTT) TimedOut() {
	b := r.within()
	r.timeout = min(2*r.Timeout(), b.Maximum)
	if r.timeouts++; r.timeouts >= forgetAfter {
		r.smoothed, r.variation, r.timeouts = 0, 0, 0
	}
}

// Timeout is how long to wait for the acknowledgement of what is sent now.
func (r *RTT) Timeout() time.Duration {
	if r.timeout == 0 {
		return r.within().Initial
	}
	return r.timeout
}

// Smoothed is the round-trip time; 0: not known.
func (r *RTT) Smoothed() time.Duration { return r.smoothed }
