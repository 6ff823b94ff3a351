package mag

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility/mh"
)

// TestEveryInitiateIsAnswered: whatever a gateway asks, in every combination of flags, code and context, gets one answer with its
// number (RFC 5568 section 6.2.1.2), and the same one when it asks again.
func TestEveryInitiateIsAnswered(t *testing.T) {
	for flags := range 8 {
		for code := range 5 {
			for context := range 8 {
				hi := mh.HandoverInitiate{Sequence: 7, Flags: mh.InitiateProxy | mh.HandoverInitiateFlags(flags<<4), Code: mh.HandoverInitiateCode(code)}
				o := &hi.Options
				o.MobileNodeID, o.MobileNodeLinkLayerID = nodeID, nodeMAC
				o.Present.Add(mh.OptionMobileNodeID, mh.OptionMobileNodeLinkLayerID)
				if context&1 != 0 {
					o.HomeNetworkPrefixes = given
					o.Present.Add(mh.OptionHomeNetworkPrefix)
				}
				if context&2 != 0 {
					o.LMAAddress = defaultLMA
					o.Present.Add(mh.OptionLMAAddress)
				}
				answerTwice(t, &hi, context&4 != 0)
			}
		}
	}
}

func answerTwice(t *testing.T, hi *mh.HandoverInitiate, attached bool) {
	t.Helper()
	m, err := New(Config{
		ProxyCareOfAddress: proxyCoA, TimestampBasedApproachInUse: true,
		Gateways: func(a netip.Addr) (string, bool) { return "mag2", a == secondMAG },
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &conforming{t: t, mag: m, now: start}
	if attached {
		c.attach(nil)
		c.answer(nil)
	}
	payload, err := hi.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	var answers [][]byte
	for range 2 {
		for _, a := range m.Handle(start, MessageReceived{Source: secondMAG, Destination: proxyCoA, Payload: payload}) {
			if a, ok := a.(SendMessage); ok && a.Kind == HandoverAcknowledge {
				answers = append(answers, a.Payload)
			}
		}
	}
	var hack mh.HandoverAcknowledge
	if len(answers) != 2 || string(answers[0]) != string(answers[1]) {
		t.Fatalf("%+v got %d answers: %x", hi, len(answers), answers)
	}
	if err := hack.Decode(answers[0]); err != nil || hack.Sequence != hi.Sequence || hack.Options.MobileNodeID != nodeID {
		t.Errorf("%+v got %+v, %v", hi, hack, err)
	}
}

// TestTheNumberOfAnInitiateIsNewAlsoAfterARestart, however long the run before lasted and however long it said nothing: a gateway that
// answered the last one a moment ago takes one that is not ahead of it for stale.
func TestTheNumberOfAnInitiateIsNewAlsoAfterARestart(t *testing.T) {
	for _, idle := range []time.Duration{0, time.Millisecond, 20 * time.Second, 33 * time.Second, 50 * time.Second, 65 * time.Second, time.Hour} {
		for _, stopped := range []time.Duration{time.Second, 20 * time.Second} {
			m, now := &MAG{}, start
			last := m.nextHandoverSequence(now)
			ahead := func(what string) {
				t.Helper()
				next := m.nextHandoverSequence(now)
				if int16(next-last) <= 0 {
					t.Errorf("%v between two, %v stopped: %d after %d %s", idle, stopped, next, last, what)
				}
				last = next
			}
			now = now.Add(idle)
			if idle < answerKept {
				ahead("in the same run")
			} else { // nobody knows the last one any more
				last = m.nextHandoverSequence(now)
			}
			for range 100 {
				ahead("at once")
			}
			m, now = &MAG{}, now.Add(stopped)
			ahead("after a restart")
		}
	}
}
