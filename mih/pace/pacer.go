package pace

import "time"

// Limits are the parameters of a Pacer. A zero field stands for that of DefaultLimits.
type Limits struct {
	Unmeasured    time.Duration // between two messages, on average, while the round-trip time is not known
	Burst         int           // of messages at one stroke while it is not known
	Window        int           // messages for each round-trip time at first
	MaximumWindow int
}

// DefaultLimits are one message in 3 s while the round-trip time is not known (RFC 5677 section 6.2), with a burst that lets a
// discovery, a registration and a subscription out at once; afterwards what TCP begins with (10 packets, RFC 6928).
var DefaultLimits = Limits{Unmeasured: 3 * time.Second, Burst: 3, Window: 10, MaximumWindow: 4096}

// Pacer is the token bucket that limits what goes to one peer over UDP. A message costs one token. While the round-trip time is
// known the bucket holds a window of messages and fills up once in each round-trip time; the window grows and shrinks as that
// of TCP does (RFC 5681 section 3.1), which gives the "rate-limiting effect similar to the one obtained with TCP" of RFC 5677
// section 6.2. The zero value has the DefaultLimits and a full bucket.
type Pacer struct {
	limits    Limits
	tokens    float64
	filledAt  time.Time // zero: never used
	window    float64   // 0: Window
	threshold float64   // from which the window grows slowly; 0: not known
	limitedAt time.Time // when a message last had to wait
	halvedAt  time.Time
}

// NewPacer makes a bucket with these limits.
func NewPacer(limits Limits) Pacer { return Pacer{limits: limits} }

func (p *Pacer) within() Limits {
	l := p.limits
	if l.Unmeasured <= 0 {
		l.Unmeasured = DefaultLimits.Unmeasured
	}
	if l.Burst <= 0 {
		l.Burst = DefaultLimits.Burst
	}
	if l.Window <= 0 {
		l.Window = DefaultLimits.Window
	}
	if l.MaximumWindow <= 0 {
		l.MaximumWindow = DefaultLimits.MaximumWindow
	}
	l.MaximumWindow = max(l.MaximumWindow, l.Window)
	return l
}

// bucket says how much it holds and how long a token takes.
func (p *Pacer) bucket(roundTrip time.Duration) (size float64, each time.Duration) {
	l := p.within()
	if roundTrip <= 0 {
		return float64(l.Burst), l.Unmeasured
	}
	if p.window == 0 {
		p.window = float64(l.Window)
	}
	return p.window, max(time.Duration(float64(roundTrip)/p.window), 1)
}

// fill brings the bucket up to now.
func (p *Pacer) fill(now time.Time, roundTrip time.Duration) (each time.Duration) {
	size, each := p.bucket(roundTrip)
	switch {
	case p.filledAt.IsZero():
		p.tokens, p.filledAt = size, now
	case now.After(p.filledAt):
		p.tokens += float64(now.Sub(p.filledAt)) / float64(each)
		p.filledAt = now
	}
	p.tokens = min(p.tokens, size)
	return each
}

// Take takes the token of one message; false: it has to wait (see Next). roundTrip is RTT.Smoothed.
func (p *Pacer) Take(now time.Time, roundTrip time.Duration) bool {
	p.fill(now, roundTrip)
	if p.tokens < 1 {
		p.limitedAt = now
		return false
	}
	p.tokens--
	return true
}

// Next is when a token is there, if the round-trip time stays as it is: now, or later.
func (p *Pacer) Next(now time.Time, roundTrip time.Duration) time.Time {
	each := p.fill(now, roundTrip)
	if p.tokens >= 1 {
		return now
	}
	return now.Add(time.Duration((1-p.tokens)*float64(each)) + 1)
}

// Acknowledged lets the window grow: by one message for each that is acknowledged until the first is lost, then by one in a
// round-trip time. A window that was not used up of late does not grow (RFC 7661).
func (p *Pacer) Acknowledged(now time.Time, roundTrip time.Duration) {
	if p.window == 0 || p.limitedAt.IsZero() || now.Sub(p.limitedAt) > 2*roundTrip {
		return
	}
	if p.threshold == 0 || p.window < p.threshold {
		p.window++
	} else {
		p.window += 1 / p.window
	}
	p.window = min(p.window, float64(p.within().MaximumWindow))
}

// Lost halves the window, once for all that are lost in one round-trip time (RFC 5681 section 3.1).
func (p *Pacer) Lost(now time.Time, roundTrip time.Duration) {
	if p.window == 0 || !p.halvedAt.IsZero() && now.Sub(p.halvedAt) < roundTrip {
		return
	}
	p.window = max(p.window/2, 1)
	p.threshold, p.halvedAt = p.window, now
}
