package lma

import (
	"testing"

	"pgregory.net/rapid"

	"netlmm/mobility/mh"
)

// notGreater is RFC 6275 section 9.5.1 word by word: the last received number and the 32768 values before it.
func notGreater(sequence, last uint16) bool {
	for back := 0; back <= 32768; back++ {
		if sequence == last-uint16(back) {
			return true
		}
	}
	return false
}

// TestSequenceNumbersOrder: without timestamps, a message changes the session if and only if its number is greater than
// the last accepted one, whichever MAG sends it; the refusal carries that last one.
func TestSequenceNumbersOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := populate(t, 0, 1)
		p.update.Options.Present &^= 1 << mh.OptionTimestamp
		last := rapid.Uint16().Draw(t, "first")
		p.update.Sequence = last
		p.register(0, 1)
		for range rapid.IntRange(1, 10).Draw(t, "messages") {
			p.update.Sequence = last + rapid.SampledFrom([]uint16{0, 1, 2, 32767, 32768, 32769, 65535}).Draw(t, "ahead")
			actions := p.lma.Handle(p.now, p.event(0, rapid.IntRange(1, 2).Draw(t, "mag")))
			_, changed := actions[0].(BindingChanged)
			if changed == notGreater(p.update.Sequence, last) {
				t.Fatalf("number %d after %d: %v", p.update.Sequence, last, actions)
			}
			if changed {
				last = p.update.Sequence
			}
			var ack mh.BindingAcknowledgement
			if err := ack.Decode(actions[len(actions)-1].(SendMessage).Payload); err != nil || ack.Sequence != last {
				t.Fatalf("the answer to %d has number %d (%v), want %d", p.update.Sequence, ack.Sequence, err, last)
			}
		}
	})
}
