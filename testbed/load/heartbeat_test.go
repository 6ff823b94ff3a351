package load

import (
	"testing"
	"time"

	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
)

func TestTheGeneratorAnswersHeartbeats(t *testing.T) {
	cfg := testConfig()
	first, second := &outbasket{}, &outbasket{}
	g := newGenerator(cfg, []link{first, second})
	for _, flags := range []mh.HeartbeatFlags{mh.HeartbeatResponse | mh.HeartbeatUnsolicited, 0} {
		m := mh.Heartbeat{Flags: flags, Sequence: 42}
		payload, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		g.received(1, signaling.Message{Source: cfg.LMA, Destination: cfg.MAGs[1], Payload: payload, ReceivedAt: time.Now()})
		g.receivedAll()
	}
	sent := second.take()
	var answer mh.Heartbeat
	if len(first.take()) != 0 || len(sent) != 1 || answer.Decode(sent[0]) != nil || answer.Flags != mh.HeartbeatResponse || answer.Sequence != 42 ||
		answer.Options.RestartCounter != generatorRestartCounter {
		t.Errorf("sent %x: %+v", sent, answer)
	}
	if len(g.tally.violations) != 0 || g.tally.heartbeats != 2 {
		t.Errorf("%v, %d heartbeats", g.tally.violations, g.tally.heartbeats)
	}
}
