package load

import (
	"testing"
	"time"

	"netlmm/mobility/mh"
	"netlmm/mobility/signaling"
)

// seeds are messages of every type that either end takes.
func seeds(f *testing.F) {
	f.Helper()
	for _, compat := range []Compat{Strict, OAI, OPMIP} {
		n := newNode(0, "test.example", compat, 0)
		var update mh.BindingUpdate
		n.prepare(Register, 1)
		n.fill(&update, compat, Register, time.Unix(1700000000, 0), 900)
		payload, err := encode(&update, compat, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
		ack := mh.BindingAcknowledgement{Flags: mh.AcknowledgementProxy, Sequence: update.Sequence, Lifetime: 900, Options: update.Options}
		if payload, err = ack.AppendTo(nil); err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	for _, message := range []interface {
		AppendTo([]byte) ([]byte, error)
	}{
		&mh.Heartbeat{Sequence: 1}, &mh.BindingRevocationAcknowledgement{Sequence: 1, Flags: mh.RevocationProxy}, &mh.Raw{Type: 99, Data: make([]byte, 10)},
	} {
		payload, err := message.AppendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
}

// FuzzPlayedAnchor gives a played anchor whatever a gateway may send: it answers each update once at most and never falls.
func FuzzPlayedAnchor(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, compat := range []Compat{Strict, OAI, OPMIP} {
			cfg := anchorTestConfig()
			cfg.Compat = compat
			out, now := &outbasket{}, time.Unix(1700000000, 0)
			a := newAnchor(cfg, out, now)
			for range 2 {
				a.received(now, signaling.Message{Source: playedGateway, Destination: playedAnchor, Payload: payload, ReceivedAt: now})
				a.flush(now)
				if n := len(out.take()); n > 1 {
					t.Fatalf("%d answers to one message", n)
				}
			}
			a.revokeAll(now)
			a.finish(now)
		}
	})
}

// FuzzGenerator gives the generator whatever an anchor may send.
func FuzzGenerator(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		for _, compat := range []Compat{Strict, OAI, OPMIP} {
			cfg := testConfig()
			cfg.MobileNodes, cfg.Compat = 2, compat
			g := newGenerator(cfg, []link{&outbasket{}, &outbasket{}})
			g.phase = newPhase(Register)
			g.phase.started = time.Now()
			g.next(time.Now())
			for range 2 {
				g.received(0, signaling.Message{Source: cfg.LMA, Destination: cfg.MAGs[0], Payload: payload, ReceivedAt: time.Now()})
				g.receivedAll()
			}
		}
	})
}
