package mihf

import (
	"hash/maphash"
	"time"
)

// Bounds of what is remembered of the messages of one peer. A peer repeats a message while it waits for its acknowledgement
// only, and that is over long before so many others or so much time have passed: the same identifiers then name another message.
const (
	rememberedMessages = 1024
	rememberedFor      = 2 * time.Minute // more than three timeouts of 30 s (RFC 5677 section 6.3)
)

// seenMessage is what is remembered of a message of a peer.
type seenMessage struct {
	sum    uint64
	at     time.Time
	answer []byte // the response that was sent; nil: none, or not yet
}

// seen finds the messages that a peer sends again: the same identifiers, and the same content.
type seen struct {
	messages map[exchange]seenMessage
	order    []exchange // ring
	oldest   int
}

var seed = maphash.MakeSeed()

// take remembers a message, or returns what it was followed by when it is one that was remembered.
func (s *seen) take(now time.Time, key exchange, octets []byte) (old seenMessage, duplicate bool) {
	if s.messages == nil {
		s.messages = map[exchange]seenMessage{}
	}
	sum := maphash.Bytes(seed, octets)
	old, known := s.messages[key]
	if known && old.sum == sum && now.Sub(old.at) < rememberedFor {
		return old, true
	}
	if !known {
		if len(s.order) < rememberedMessages {
			s.order = append(s.order, key)
		} else {
			delete(s.messages, s.order[s.oldest])
			s.order[s.oldest] = key
			s.oldest = (s.oldest + 1) % rememberedMessages
		}
	}
	s.messages[key] = seenMessage{sum: sum, at: now}
	return seenMessage{}, false
}

// answered remembers the response to a request.
func (s *seen) answered(key exchange, answer []byte) {
	if one, known := s.messages[key]; known {
		one.answer = answer
		s.messages[key] = one
	}
}
