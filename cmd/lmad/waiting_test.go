package main

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/mobility/lma"
)

var mag1, mag2 = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")

// outcomes records what becomes of the messages that wait, by their payload.
type outcomes struct {
	mu           sync.Mutex
	posted, late []string
}

func newRoom() (*waitingRoom, *outcomes) {
	o := &outcomes{}
	record := func(list *[]string, m lma.MessageReceived) {
		o.mu.Lock()
		defer o.mu.Unlock()
		*list = append(*list, string(m.Payload))
	}
	return &waitingRoom{
		leaves: func(m lma.MessageReceived) { record(&o.posted, m) },
		late:   func(m lma.MessageReceived, _ time.Time) { record(&o.late, m) },
	}, o
}

func message(source netip.Addr, text string) lma.MessageReceived {
	return lma.MessageReceived{Source: source, Payload: []byte(text)}
}

func (o *outcomes) want(t *testing.T, posted, late []string) {
	t.Helper()
	synctest.Wait()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.posted, posted) || !slices.Equal(o.late, late) {
		t.Errorf("posted %q, late %q; want %q and %q", o.posted, o.late, posted, late)
	}
}

func TestMessagesWaitForTheirGatewaysIdentity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room, o := newRoom()
		room.enter(message(mag1, "a"))
		room.enter(message(mag2, "b"))
		room.enter(message(mag2, "c"))
		room.leave(mag2)
		o.want(t, []string{"b", "c"}, nil)
		time.Sleep(identityPatience)
		o.want(t, []string{"b", "c"}, []string{"a"})
	})
}

// Each message has its own patience, whatever became of those before it.
func TestPatienceIsOfEachMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room, o := newRoom()
		room.enter(message(mag1, "a"))
		time.Sleep(identityPatience / 2)
		room.enter(message(mag1, "b"))
		time.Sleep(identityPatience / 2)
		o.want(t, nil, []string{"a"})
		room.leave(mag1)
		o.want(t, []string{"b"}, []string{"a"})

		room.enter(message(mag1, "c"))
		time.Sleep(identityPatience / 2)
		room.leave(mag1)
		room.enter(message(mag1, "d"))
		time.Sleep(identityPatience - 1) // past the patience of c
		o.want(t, []string{"b", "c"}, []string{"a"})
		time.Sleep(time.Nanosecond)
		o.want(t, []string{"b", "c"}, []string{"a", "d"})
		if room.count != 0 || len(room.of) != 0 {
			t.Errorf("%d messages of %d gateways are left behind", room.count, len(room.of))
		}
	})
}

func TestTheWaitingRoomIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room, o := newRoom()
		entered := 0
		fill := func(source netip.Addr, n int) {
			for range n {
				if room.enter(message(source, "")) {
					entered++
				}
			}
		}
		fill(mag1, 2*waitingOfOne)
		if entered != waitingOfOne {
			t.Errorf("%d messages of one gateway entered, want %d", entered, waitingOfOne)
		}
		for source, n := mag2, 0; n < 2*waitingOfAll/waitingOfOne; source, n = source.Next(), n+1 {
			fill(source, waitingOfOne)
		}
		if entered != waitingOfAll {
			t.Errorf("%d messages entered, want %d", entered, waitingOfAll)
		}
		time.Sleep(identityPatience)
		synctest.Wait()
		if len(o.late) != waitingOfAll {
			t.Errorf("%d messages came out", len(o.late))
		}
	})
}
