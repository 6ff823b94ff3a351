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
	known map[question]answer
	order []question // a ring
	next  int
}

type answer struct {
	packet []byte // nil: another server is being asked
	at     time.Time
	slot   int // in order
}

func newAnswers(maximum int) answers {
	return answers{known: map[question]answer{}, order: make([]question, maximum)}
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
	slot := a.next
	if old, known := a.known[q]; known {
		slot = old.slot
	} else {
		a.next = (a.next + 1) % len(a.order)
		if previous := a.order[slot]; a.known[previous].slot == slot {
			delete(a.known, previous)
		}
		a.order[slot] = q
	}
	a.known[q] = answer{packet, now, slot}
}

// drop makes a question that got no answer a new one.
func (a *answers) drop(q question) { delete(a.known, q) }
