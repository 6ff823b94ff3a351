package mihf

import (
	"testing"
	"time"

	"netlmm/mih"

	"pgregory.net/rapid"
)

// TestTooMuchForAPeer: when more happens than can wait, a peer is not told everything but how it ended, each event once at most and in
// the order of its link; the subscription stands.
func TestTooMuchForAPeer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		room := rapid.IntRange(1, 5).Draw(rt, "room")
		w := subscribedWorld(t, 2, func(i int, cfg *Config) {
			if i == 1 {
				cfg.MaximumQueued, cfg.MaximumOutstanding = room, rapid.IntRange(1, 5).Draw(rt, "outstanding")
				cfg.Partial = rapid.Bool().Draw(rt, "partial")
			}
		})
		f0, f1 := w.order[0], w.order[1]
		want, offered := map[mih.LinkAddress]mih.EventType{}, 0
		for range rapid.IntRange(1, 100).Draw(rt, "events") {
			i := rapid.IntRange(1, 12).Draw(rt, "station")
			ind := apA.up(i)
			if want[station(i)] == mih.EventLinkUp {
				ind = apA.down(i)
			}
			want[station(i)] = ind.Event.EventType()
			offered++
			f1.event(SAPIndication{ind})
			if rapid.IntRange(0, 4).Draw(rt, "pause") == 0 {
				w.run(time.Duration(rapid.IntRange(0, 5).Draw(rt, "time")) * time.Millisecond)
			}
		}
		w.run(5 * time.Second)
		got := map[mih.LinkAddress]mih.EventType{}
		for _, ind := range f0.events {
			got[ind.Event.LinkTuple().Link.Address] = ind.Event.EventType()
			if ind.Resync {
				rt.Fatalf("%v: the subscription began anew", ind.Event)
			}
		}
		for address, event := range want {
			if _, told := got[address]; !told && event == mih.EventLinkDown || got[address] == event {
				continue // of an attachment that came and went in the meantime nothing need be told
			}
			rt.Errorf("%s: %s, want %s", address, got[address], event)
		}
		ignored := f1.ignored[IgnoredIndicationsOverflow] + f0.ignored[IgnoredAlreadyDown]
		if len(f0.events)+ignored != offered {
			rt.Errorf("%d events, %d delivered and %d displaced", offered, len(f0.events), ignored)
		}
		w.settled()
	})
}

// TestMoreLinksThanTransactions: every link of a large access point changes at once.
func TestMoreLinksThanTransactions(t *testing.T) {
	const stations = maximumTransactionID + 500
	w := subscribedWorld(t, 2, func(_ int, cfg *Config) { cfg.MaximumLinks = 2 * stations })
	f0, f1 := w.order[0], w.order[1]
	for i := range stations {
		f1.event(SAPIndication{apA.up(i + 1)})
	}
	w.run(time.Minute)
	if len(f0.events) != stations {
		t.Errorf("%d Link_Ups, want %d; f1 ignored %v", len(f0.events), stations, f1.ignored)
	}
	w.settled()
}
