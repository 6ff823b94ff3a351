package main

import (
	"net/netip"
	"testing"

	"netlmm/mobility/lma"
)

func TestMessagesWaitForTheirGatewaysIdentity(t *testing.T) {
	mag1, mag2 := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	passed := make(chan netip.Addr, identityWaiting+2)
	room := waitingRoom{post: func(m lma.MessageReceived) { passed <- m.Source }}
	room.enter(lma.MessageReceived{Source: mag1})
	room.enter(lma.MessageReceived{Source: mag2})
	room.leave(mag2)
	if got := <-passed; got != mag2 {
		t.Errorf("%v passed first, want %v", got, mag2)
	}
	if got := <-passed; got != mag1 { // when patience ends
		t.Errorf("%v passed, want %v", got, mag1)
	}
}

func TestTheWaitingRoomIsBounded(t *testing.T) {
	room := waitingRoom{post: func(lma.MessageReceived) {}}
	entered := 0
	for range identityWaiting + 10 {
		if room.enter(lma.MessageReceived{Source: netip.MustParseAddr("2001:db8::1")}) {
			entered++
		}
	}
	if entered != identityWaiting {
		t.Errorf("%d messages entered, want %d", entered, identityWaiting)
	}
}
