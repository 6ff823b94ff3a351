package heartbeat

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"netlmm/mobility/mh"
)

// FuzzHandle: no octets panic the machine, have it send more than one message, or send to anybody but who sent them.
func FuzzHandle(f *testing.F) {
	for _, text := range []string{
		"", "3b000d", "3b010d0000000000" + "0000000101020000", "3b010d0000000001" + "0070000101020000",
		"3b020d0000000001007000010100" + "1c0400000008" + "01020000", "3b020d0000000003" + "0000000001001c040000000801020000",
		"3b02070000000200" + "00000000000000000000000000000000", "3b0105000000" + "0001c200004b01020000", "3a010d0000000000" + "0000000101020000",
	} {
		payload, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := New(Config{Local: localHere, RestartCounter: 7, Peers: []Peer{{Address: address(1)}, {Address: address(2)}}})
		if err != nil {
			t.Fatal(err)
		}
		now := epoch
		m.Handle(now, AssociationChanged{Peer: address(1), Up: true})
		now = now.Add(time.Hour)
		m.Expire(now)
		for range 3 {
			sent := 0
			for _, a := range m.Handle(now, MessageReceived{Source: address(1), Destination: localHere, Payload: payload}) {
				message, ok := a.(SendMessage)
				if !ok {
					continue
				}
				var h mh.Heartbeat
				if err := h.Decode(message.Payload); err != nil || message.Destination != address(1) || !message.Response {
					t.Fatalf("%+v, %v", message, err)
				}
				sent++
			}
			if sent > 1 {
				t.Fatalf("%d answers to one message", sent)
			}
		}
		if status := m.Peers(); status[1] != (Status{Address: address(2), Sequence: 7 << 20}) {
			t.Fatalf("a message of one peer changed another: %+v", status[1])
		}
		if got := m.Handle(now, MessageReceived{Source: netip.MustParseAddr("2001:db8::bad"), Destination: localHere, Payload: payload}); len(got) != 1 {
			t.Fatalf("a stranger got %v", got)
		}
	})
}
