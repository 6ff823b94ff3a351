package domaintest

import (
	"testing"
	"time"
	"unsafe"
)

// reading is what time.Now returns on a node that has run for so long and whose wall clock says wall: differences between
// readings go by the first, timestamps and what is stored by the second. Only the runtime makes such readings, and it cannot be
// told to set a clock, so this is the one place that knows how they are laid out; TestReading holds that against package time.
func reading(running time.Duration, wall time.Time) time.Time {
	const (
		hasMonotonic   = 1 << 63
		secondsTo1885  = (1884*365 + 1884/4 - 1884/100 + 1884/400) * 86400
		secondsTo1970  = (1969*365 + 1969/4 - 1969/100 + 1969/400) * 86400
		from1885To1970 = secondsTo1970 - secondsTo1885
	)
	var t time.Time
	layout := (*struct {
		wall uint64
		ext  int64
	})(unsafe.Pointer(&t)) //nolint:gosec // see above
	layout.wall = hasMonotonic | uint64(wall.Unix()+from1885To1970)<<30 | uint64(wall.Nanosecond())
	layout.ext = int64(running)
	return t
}

func TestReading(t *testing.T) {
	before, after := reading(time.Minute, start), reading(time.Minute+time.Second, start.Add(-time.Hour))
	if d := after.Sub(before); d != time.Second || !after.After(before) {
		t.Errorf("the second reading is %v after the first, want 1s", d)
	}
	if got := after.Add(time.Minute).Round(0); !got.Equal(start.Add(time.Minute - time.Hour)) {
		t.Errorf("the wall clock says %v", got)
	}
}

// running is how long every node has been up: none was started before it.
func (d *domain) running() time.Duration { return time.Hour + d.now.Sub(start) }

// clock is what a wall clock that is off by so much reads now.
func (d *domain) clock(off time.Duration) time.Time { return reading(d.running(), d.now.Add(off)) }

// until is when a deadline of a node comes, whatever its wall clock says.
func (d *domain) until(deadline time.Time) time.Time { return d.now.Add(deadline.Sub(d.clock(0))) }

// setClock sets the wall clock of a MAG.
func (d *domain) setClock(g *gateway, off time.Duration) {
	g.off = off
	d.note("- the clock of %s is off by %v", g.name, off)
	d.stepped = d.stepped || off != 0
}

// setAnchorClock sets that of the LMA.
func (d *domain) setAnchorClock(off time.Duration) {
	d.off = off
	d.note("- the clock of lma is off by %v", off)
	d.stepped, d.disordered = d.stepped || off != 0, d.disordered || off != 0
}

// mendClocks is a time source that is heard again.
func (d *domain) mendClocks() {
	d.setAnchorClock(0)
	for _, g := range d.gateways {
		d.setClock(g, 0)
	}
}
