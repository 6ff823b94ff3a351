// Package adaptertest is the contract of link SAPs as tests: each adapter passes them over a fake of its access point, beside
// the tests that it has with the real one.
package adaptertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

// AccessPoint is what an adapter listens to, in the hands of a test. What it says is on its way when a method returns, in order.
type AccessPoint interface {
	Attach(station mih.LinkAddress)
	Detach(station mih.LinkAddress)
	Repeat(station mih.LinkAddress) // says once more what it said last of the station
	Mute(bool)                      // while it is mute, what it says is lost
	Garbage()                       // says what no access point says
	Stop()                          // dies, and with it every association
	Start()                         // is back after Stop
}

// Bench is an adapter that is not running yet and its access point, which is.
type Bench struct {
	Adapter     apadapters.Adapter
	AccessPoint AccessPoint
	Asks        bool     // the adapter can ask who is there, so it mends what it missed
	Fades       bool     // it cannot ask who has come, but finds out who is gone, and whether it hears anything
	Maximum     int      // stations that it keeps
	Overflow    string   // counter of stations beyond, when these are not reported
	Garbled     []string // counters of garbage
}

const burst = 10_000

// Station is the address of the i-th station.
func Station(i int) mih.LinkAddress {
	return mih.MACAddress([6]byte{2, 0, 0x5e, byte(i >> 16), byte(i >> 8), byte(i)})
}

// Test runs the tests of apadapters.Adapter. open makes a bench anew.
func Test(t *testing.T, open func(t *testing.T) Bench) {
	for name, test := range map[string]func(*testing.T, *running){
		"follows": follows, "takes duplicates": duplicates, "mends lost events": lostEvents, "mends a full queue": fullQueue,
		"bears a burst": bearsBurst, "outlives the access point": outlives, "bears garbage": garbage,
	} {
		t.Run(name, func(t *testing.T) { test(t, start(t, open(t))) })
	}
	t.Run("ends with its context", func(t *testing.T) {
		r := start(t, open(t))
		r.AccessPoint.Attach(Station(1))
		r.wait("the station is seen", func() bool { return r.has(1) })
		r.stop()
		r.Adapter.Status()
	})
	t.Run("an ended context does not start it", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := open(t).Adapter.Run(ctx, func(mih.Indication) bool { return true }); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func follows(t *testing.T, r *running) {
	for i := range 3 {
		r.AccessPoint.Attach(Station(i))
	}
	r.wait("three stations", func() bool { return r.has(0, 1, 2) })
	r.AccessPoint.Detach(Station(1))
	r.wait("one has left", func() bool { return r.has(0, 2) })
	r.AccessPoint.Attach(Station(1))
	r.wait("it is back", func() bool { return r.has(0, 1, 2) })
	r.wait("the status agrees", func() bool { return r.stations() == 3 })
}

func duplicates(t *testing.T, r *running) {
	r.AccessPoint.Attach(Station(0))
	for range 10 {
		r.AccessPoint.Repeat(Station(0))
	}
	r.AccessPoint.Attach(Station(1))
	r.wait("two stations", func() bool { return r.has(0, 1) })
	if n := r.count(mih.EventLinkDown); n != 0 {
		t.Errorf("%d Link_Down of stations that did not leave", n)
	}
	r.AccessPoint.Detach(Station(0))
	r.AccessPoint.Repeat(Station(0))
	r.AccessPoint.Attach(Station(2))
	r.wait("one left, one came", func() bool { return r.has(1, 2) })
	r.wait("the status agrees", func() bool { return r.stations() == 2 })
}

func lostEvents(t *testing.T, r *running) {
	r.AccessPoint.Attach(Station(0))
	r.AccessPoint.Attach(Station(1))
	r.wait("two stations", func() bool { return r.has(0, 1) })
	r.AccessPoint.Mute(true)
	r.AccessPoint.Detach(Station(0))
	r.AccessPoint.Attach(Station(2))
	r.AccessPoint.Mute(false)
	r.remind(0, 2)
	r.wait("what was lost is known", func() bool { return r.has(1, 2) })
}

func fullQueue(t *testing.T, r *running) {
	r.AccessPoint.Attach(Station(0))
	r.wait("a station", func() bool { return r.has(0) })
	r.setFull(true)
	r.AccessPoint.Attach(Station(1))
	r.AccessPoint.Detach(Station(0))
	r.wait("the drops are counted", func() bool { return r.Adapter.Status().Counters["dropped"] >= 2 })
	r.setFull(false)
	r.remind(0, 1)
	r.wait("what was dropped is told", func() bool { return r.has(1) })
}

func bearsBurst(t *testing.T, r *running) {
	for i := range burst {
		r.AccessPoint.Attach(Station(i))
	}
	r.wait("as many stations as find room", func() bool { return r.stations() == min(burst, r.Maximum) && r.size() >= min(burst, r.Maximum) })
	// Announcements that were lost are made up for by the adapter's next look at all stations, which is what finds that there are too many.
	r.wait(fmt.Sprintf("%q counts those that are not reported", r.Overflow), func() bool { return r.size() >= burst || r.Adapter.Status().Counters[r.Overflow] > 0 })
	some := r.any()
	r.AccessPoint.Detach(some)
	r.wait("one leaves", func() bool { return !r.hasAddress(some) })
	if n := r.stations(); n > r.Maximum {
		t.Errorf("%d stations are kept, more than %d", n, r.Maximum)
	}
}

func outlives(t *testing.T, r *running) {
	for i := range 2 {
		r.AccessPoint.Attach(Station(i))
	}
	r.wait("two stations", func() bool { return r.has(0, 1) })
	r.AccessPoint.Stop()
	if r.Asks || r.Fades {
		r.wait("the loss is seen", func() bool {
			return slices.ContainsFunc(r.Adapter.Status().Peers, func(p apadapters.Peer) bool { return !p.Connected && p.Detail != "" })
		})
	}
	r.AccessPoint.Start()
	r.AccessPoint.Attach(Station(1))
	r.AccessPoint.Attach(Station(2))
	if r.Asks || r.Fades {
		r.wait("who returned and who did not", func() bool { return r.has(1, 2) })
	} else {
		r.wait("who returned", func() bool { return r.has(0, 1, 2) }) // nobody says that the other did not
	}
}

func garbage(t *testing.T, r *running) {
	sum := func() (n uint64) {
		counters := r.Adapter.Status().Counters
		for _, name := range r.Garbled {
			n += counters[name]
		}
		return n
	}
	r.AccessPoint.Attach(Station(0))
	r.wait("a station", func() bool { return r.has(0) })
	before := sum()
	r.AccessPoint.Garbage()
	r.AccessPoint.Attach(Station(1))
	r.wait("the station after the garbage", func() bool { return r.has(0, 1) })
	r.wait(fmt.Sprintf("the garbage is counted among %q", r.Garbled), func() bool { return sum() > before })
}

// remind has the access point say again what was lost, where the adapter cannot ask.
func (r *running) remind(stations ...int) {
	if r.Asks {
		return
	}
	for _, i := range stations {
		r.AccessPoint.Repeat(Station(i))
	}
}

// stations is the sum of those that the adapter says to have.
func (r *running) stations() (n int) {
	for _, p := range r.Adapter.Status().Peers {
		n += p.Stations
	}
	return n
}

// has says whether exactly these stations are up.
func (r *running) has(stations ...int) bool {
	want := map[mih.LinkAddress]bool{}
	for _, i := range stations {
		want[Station(i)] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Equal(r.up, want)
}
