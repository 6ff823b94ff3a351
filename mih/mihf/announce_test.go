package mihf

import (
	"net/netip"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// TestAnnouncements: who hears one knows where it came from, who announced hears of those that answer, and nothing else is believed of either.
func TestAnnouncements(t *testing.T) {
	w := newWorld(t, 3, func(i int, cfg *Config) {
		if i > 0 {
			cfg.Peers = cfg.Peers[:0]
		}
		if i == 0 {
			cfg.Peers = cfg.Peers[:1] // f1, which does not know f0
		}
	})
	f0, f1, f2 := w.order[0], w.order[1], w.order[2]
	group := Endpoint{Address: netip.MustParseAddrPort("[ff02::4551]:4551")}
	f0.event(Announce{group})
	if len(w.flight) != 1 || w.flight[0].to != group {
		t.Fatalf("sent %+v", w.flight)
	}
	sent := w.flight[0].octets
	if msg, err := wire.Decode(sent); err != nil || msg.Destination != "" || msg.Header.ACKRequest || msg.Header.MessageID != wire.IDCapabilityDiscoverRequest {
		t.Fatalf("sent %+v, %v", msg, err)
	}
	for _, n := range []*node{f0, f1, f2} { // f0 hears itself
		n.event(MessageReceived{From: f0.at, Payload: sent})
	}
	w.run(time.Second)
	for n, want := range map[*node][]Endpoint{f0: {f1.at, f2.at}, f1: {f0.at}, f2: {f0.at}} {
		if len(n.announced) != len(want) || n.announced[0] != want[0] || n.announced[len(want)-1] != want[len(want)-1] {
			t.Errorf("%s hears of %v, want %v", n.cfg.MIHFID, n.announced, want)
		}
	}
	if f0.ignored[IgnoredOwnSource] != 1 || len(f2.peers) != 0 || f0.peers["f2"] != nil {
		t.Errorf("f0 ignored %v", f0.ignored)
	}
	// An answer that is too late, and one to nothing.
	w.run(time.Minute)
	answer := f2.encode(wire.Message{Header: wire.Header{TransactionID: f0.MIHF.announced.transaction}, Destination: "f0", Body: wire.CapabilityDiscoverResponse{}})
	f0.event(MessageReceived{From: f2.at, Payload: answer})
	if len(f0.announced) != 2 || f0.ignored[IgnoredNoTransaction] != 1 {
		t.Errorf("a late answer: %v, ignored %v", f0.announced, f0.ignored)
	}
	w.settled()
}

// TestAnnouncementsArePaced: a flood of them costs no more than strangers may.
func TestAnnouncementsArePaced(t *testing.T) {
	w := newWorld(t, 1, nil)
	f0 := w.order[0]
	f0.event(Announce{Endpoint{Address: netip.MustParseAddrPort("[ff02::4551]:4551")}})
	transaction := f0.MIHF.announced.transaction
	for i := range 1000 {
		stranger := New(Config{MIHFID: mih.MIHFID("s")})
		request := stranger.encode(wire.Message{Header: wire.Header{TransactionID: uint16(i + 1)}, Body: wire.CapabilityDiscoverRequest{}})
		response := stranger.encode(wire.Message{Header: wire.Header{TransactionID: transaction}, Destination: "f0", Body: wire.CapabilityDiscoverResponse{}})
		f0.event(MessageReceived{From: endpoint(1000 + i), Payload: request})
		f0.event(MessageReceived{From: endpoint(1000 + i), Payload: response})
	}
	if n := len(f0.announced); n == 0 || n > strangersBurst {
		t.Errorf("%d are heard of", n)
	}
}
