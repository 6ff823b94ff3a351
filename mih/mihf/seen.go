package mihf

import (
	"hash/fnv"
	"time"
)

// Bounds of what is remembered of the messages of one peer. A peer repeats a message while it waits for its acknowledgement only, and
// by then it has not gone through its transaction identifiers once more, nor has so much time passed: the same identifiers name another
// message then, even when it says the same.
const (
	rememberedMessages = maximumTransactionID + 1
	rememberedFor      = 2 * time.Minute              // more than three timeouts of 30 s (RFC 5677 section 6.3)
	repeatedWithin     = maximumTransactionID * 3 / 4 // later messages of the peer
	rememberedAnswer   = 2048                         // octets; a longer answer is acknowledged only, as its own retransmissions carry it
)

// seenMessage is what is remembered of a message of a peer.
type seenMessage struct {
	sum    uint64
	at     time.Time
	number uint64 // of the peer's messages
	answer []byte // the response that was sent; nil: none, not yet, or too long
}

// seen finds the messages that a peer sends again: the same identifiers, and the same content.
type seen struct {
	messages map[exchange]seenMessage
	order    []exchange // ring
	oldest   int
	number   uint64
}

// take remembers a message, or returns what it was followed by when it is one that was remembered.
func (s *seen) take(now time.Time, key exchange, octets []byte) (old seenMessage, duplicate bool) {
	if s.messages == nil {
		s.messages = map[exchange]seenMessage{}
	}
	hash := fnv.New64a()
	_, _ = hash.Write(octets) // never fails
	sum := hash.Sum64()
	old, known := s.messages[key]
	if known && old.sum == sum && now.Sub(old.at) < rememberedFor && s.number-old.number < repeatedWithin {
		return old, true
	}
	s.number++
	if !known {
		if len(s.order) < rememberedMessages {
			s.order = append(s.order, key)
		} else {
			delete(s.messages, s.order[s.oldest])
			s.order[s.oldest] = key
			s.oldest = (s.oldest + 1) % rememberedMessages
		}
	}
	s.messages[key] = seenMessage{sum: sum, at: now, number: s.number}
	return seenMessage{}, false
}

// answered remembers the response to a request.
func (s *seen) answered(key exchange, answer []byte) {
	if one, known := s.messages[key]; known && len(answer) <= rememberedAnswer {
		one.answer = answer
		s.messages[key] = one
	}
}
