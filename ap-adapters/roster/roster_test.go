package roster

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"netlmm/mih"
)

func host(i byte) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0, 0, 0, 0, i}) }

// bench is a Roster with what it told and counted.
type bench struct {
	*Roster
	told   []string
	full   bool
	counts map[string]int
}

func newBench(maximum int, limit *rate.Limiter) *bench {
	b := &bench{counts: map[string]int{}}
	b.Roster = New(Config{SAP: "x", Interface: "acc0", LinkType: mih.LinkTypeEthernet, Maximum: maximum, New: limit, Count: func(name string) { b.counts[name]++ }})
	return b
}

func (b *bench) emit(ind mih.Indication) bool {
	if !b.full {
		b.told = append(b.told, fmt.Sprintf("%v %v", ind.Event.EventType(), ind.Event.LinkTuple().Link.Address))
	}
	return !b.full
}

var now = time.Unix(1000, 0)

func (b *bench) up(i byte) bool { return b.Up(now, Arrival{Station: host(i)}, b.emit) }
func (b *bench) down(i byte)    { b.Down(now, host(i), mih.DownPacketTimeout, false, b.emit) }

func TestWhatWasDroppedIsToldOnce(t *testing.T) {
	b := newBench(10, nil)
	b.up(1)
	b.up(1) // again
	b.full = true
	b.up(2)
	b.down(2)
	b.up(3)
	b.down(1)
	b.Settle(b.emit)
	if b.Len() != 1 || !b.Owes() || b.counts[Dropped] != 5 {
		t.Errorf("%d stations, %v", b.Len(), b.counts)
	}
	b.full = false
	b.Settle(b.emit)
	b.Settle(b.emit)
	b.down(2)
	slices.Sort(b.told[2:])
	want := []string{"Link_Up 02:00:00:00:00:01", "Link_Up 02:00:00:00:00:01", "Link_Down 02:00:00:00:00:01", "Link_Down 02:00:00:00:00:02", "Link_Up 02:00:00:00:00:03"}
	if !slices.Equal(b.told, want) || b.Owes() || len(b.stations) != 1 || !b.Has(host(3)) || len(b.Stations()) != 1 {
		t.Errorf("told %q\nwant %q; %d kept", b.told, want, len(b.stations))
	}
}

func TestBounds(t *testing.T) {
	b := newBench(2, nil)
	if !b.up(1) || !b.up(2) || b.up(3) || b.counts[Full] != 1 {
		t.Errorf("a third station: %v", b.counts)
	}
	b.full = true
	for i := range byte(100) { // what goes and is not told takes room, and no more than as much again
		b.down(i)
		b.up(i + 1)
	}
	if len(b.stations) > 4 {
		t.Errorf("%d are kept", len(b.stations))
	}
	paced := newBench(10, rate.NewLimiter(1, 2))
	if !paced.up(1) || !paced.up(2) || paced.up(3) || !paced.up(1) || paced.counts[Paced] != 1 {
		t.Errorf("a third station at a time: %v", paced.counts)
	}
}
