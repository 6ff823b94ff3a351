package lma

import (
	"bytes"
	"net/netip"
	"time"

	"netlmm/mobility/mh"
)

// answeredIndication is the last indication of a MAG that was carried out. The MAG repeats it when the answer is lost, and
// the network may. What it meant is gone, and what it would mean now is another binding.
type answeredIndication struct {
	to              netip.Addr
	payload, answer []byte
	at              time.Time
}

// Bounds of what is kept of these: longer than a MAG repeats (RFC 5846 section 11: MAX_BRACK_TIMEOUT 2 s), of as many MAGs.
const (
	indicationKept  = 30 * time.Second
	indicationsKept = 1024
)

// indicatedAgain answers an indication that was carried out a moment ago as it was answered then.
func (l *LMA) indicatedAgain(now time.Time, ev MessageReceived) bool {
	old, ok := l.indicated[ev.Source]
	if !ok || old.to != ev.Destination || !bytes.Equal(old.payload, ev.Payload) || now.Sub(old.at) >= indicationKept {
		return false
	}
	l.emit(Ignored{Reason: RepeatedIndication, Source: ev.Source, MobileNodeID: l.indication.Options.MobileNodeID})
	l.transmit(SendMessage{Source: ev.Destination, Destination: ev.Source, Payload: bytes.Clone(old.answer), Type: mh.TypeBindingRevocation}, nil)
	return true
}

// rememberIndication keeps the answer in place of the MAG's last one, and forgets those that are too old when there are many.
func (l *LMA) rememberIndication(now time.Time, ev MessageReceived, answer []byte) {
	if _, known := l.indicated[ev.Source]; !known && len(l.indicated) >= indicationsKept {
		for mag, old := range l.indicated {
			if now.Sub(old.at) >= indicationKept {
				delete(l.indicated, mag)
			}
		}
		if len(l.indicated) >= indicationsKept {
			return // its repetition would be answered with 128
		}
	}
	l.indicated[ev.Source] = answeredIndication{ev.Destination, bytes.Clone(ev.Payload), bytes.Clone(answer), now}
}
