package heartbeat

import (
	"encoding/hex"
	"testing"
	"time"
)

// upMachine has one peer, with which an association stands, and what went out for that.
func upMachine(t *testing.T, cfg Config) (*Machine, []Action) {
	t.Helper()
	cfg.Local, cfg.RestartCounter, cfg.Peers = localHere, 0xdeadbeef, []Peer{{Address: address(1)}}
	m, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m, m.Handle(epoch, AssociationChanged{Peer: address(1), Up: true})
}

// sentOctets is the one message among actions.
func sentOctets(t *testing.T, actions []Action) string {
	t.Helper()
	if len(actions) != 1 {
		t.Fatalf("actions %v, want one message", actions)
	}
	message, ok := actions[0].(SendMessage)
	if !ok || message.Source != localHere || message.Destination != address(1) {
		t.Fatalf("%+v", actions[0])
	}
	return hex.EncodeToString(message.Payload)
}

// TestConformanceMessages: the octets of the three messages (RFC 5847 sections 3.3 and 3.4): MH type 13, reserved bits zero, U in the
// unsolicited response only, R in responses only, the sequence number of the request, option 28 of length 4 at 4n+2 in responses
// only.
func TestConformanceMessages(t *testing.T) {
	m, actions := upMachine(t, Config{})
	const (
		header = "3b020d000000"
		option = "0100" + "1c04deadbeef" + "01020000"
	)
	if got, want := sentOctets(t, actions), header+"0003"+"eef00000"+option; got != want {
		t.Errorf("unsolicited response\n%s, want\n%s", got, want)
	}
	if got, want := sentOctets(t, m.Expire(epoch.Add(time.Minute))), "3b010d000000"+"0000"+"eef00001"+"01020000"; got != want {
		t.Errorf("request\n%s, want\n%s", got, want)
	}
	request, err := hex.DecodeString("3b010d000000" + "0000" + "01020304" + "01020000")
	if err != nil {
		t.Fatal(err)
	}
	response := m.Handle(epoch, MessageReceived{Source: address(1), Destination: localHere, Payload: request})
	if got, want := sentOctets(t, response), header+"0001"+"01020304"+option; got != want {
		t.Errorf("response\n%s, want\n%s", got, want)
	}
}

// TestConformanceSequenceNumbers: they grow by one with each request, and each is the one that its response has to have (RFC 5847
// section 3.1); over the end of 32 bits as well.
func TestConformanceSequenceNumbers(t *testing.T) {
	m, _ := upMachine(t, Config{StateKept: true})
	m.peers[address(1)].sequence = 1<<32 - 3
	now := epoch
	for n := range uint32(5) {
		now = now.Add(time.Minute)
		request := sentOctets(t, m.Expire(now))
		sequence := 1<<32 - 2 + n // wraps
		want := hex.EncodeToString([]byte{byte(sequence >> 24), byte(sequence >> 16), byte(sequence >> 8), byte(sequence)})
		if request[16:24] != want {
			t.Fatalf("request %d has sequence number %s, want %s", n, request[16:24], want)
		}
		payload, err := hex.DecodeString(request)
		if err != nil {
			t.Fatal(err)
		}
		payload[7] |= 1 // R
		if actions := m.Handle(now, MessageReceived{Source: address(1), Destination: localHere, Payload: payload}); len(actions) != 0 {
			t.Fatalf("its response: %+v", actions)
		}
	}
	if s := m.Peers()[0]; s.Unanswered != 0 || s.Asked != 5 {
		t.Errorf("%+v", s)
	}
}

// TestConformanceVariables: the machine goes by the configured values of RFC 5847 section 5, not by their defaults.
func TestConformanceVariables(t *testing.T) {
	const interval, allowed = 45 * time.Second, 5
	m, _ := upMachine(t, Config{StateKept: true, HeartbeatInterval: interval, MissingHeartbeatsAllowed: allowed})
	requests := 0
	for now := epoch; ; {
		next, ok := m.NextDeadline()
		if !ok || next.Sub(now) != interval {
			t.Fatalf("next deadline %v after %v", next, now)
		}
		now = next
		actions := m.Expire(now)
		if _, failed := actions[0].(PeerFailed); failed {
			break
		}
		requests++
	}
	// One more than is allowed went unanswered, and that shows when the next is due.
	if requests != allowed+1 {
		t.Errorf("failed after %d requests, want %d", requests, allowed+1)
	}
}
