package radius

import (
	"net/netip"
	"time"
)

const (
	maximumAnswers = 1 << 14
	// answerLifetime is how long an answer is given again. RFC 5080 section 2.2.2 wants five seconds at least; an access point that
	// starts anew may ask for the same thing in the same words, and then means it.
	answerLifetime = 30 * time.Second
)

// question is what tells a request from every other one (RFC 5080 section 2.2.2).
type question struct {
	from          netip.AddrPort
	identifier    byte
	authenticator [16]byte
}

// answers are those of the last requests: the latest of them, and no more than a number.
type answers struct {
	maximum int
	known   map[question]answer
	order   []question // a ring once it has the maximum
	next    int
}

type answer struct {
	packet []byte // nil: another server is being asked
	at     time.Time
	slot   int // in order
}

func newAnswers(maximum int) answers {
	return answers{maximum: maximum, known: map[question]answer{}}
}

// look finds what was said to a question; known without a packet means that the answer is on its way.
func (a *answers) look(now time.Time, q question) (packet []byte, known bool) {
	found, known := a.known[q]
	if known && found.packet != nil && now.Sub(found.at) > answerLifetime {
		return nil, false
	}
	return found.packet, known
}

func (a *answers) put(now time.Time, q question, packet []byte) {
	old, known := a.known[q]
	slot := old.slot
	if !known {
		slot = a.slot(q)
	}
	a.known[q] = answer{packet, now, slot}
}

// slot finds a place in the order for a question, that of the oldest one when all are taken.
func (a *answers) slot(q question) int {
	if len(a.order) < a.maximum {
		a.order = append(a.order, q)
		return len(a.order) - 1
	}
	slot := a.next
	a.next = (a.next + 1) % a.maximum
	if previous, known := a.known[a.order[slot]]; known && previous.slot == slot {
		delete(a.known, a.order[slot])
	}
	a.order[slot] = q
	return slot
}

// drop makes a question that got no answer a new one.
func (a *answers) drop(q question) { delete(a.known, q) }
