package decision

import (
	"fmt"
	"testing"
	"time"

	"netlmm/mobility"
)

// Strangers, however many are rejected, do not push what is known of others out of memory.
func TestRejectionsGiveWayFirst(t *testing.T) {
	c, now := newCache(3), time.Unix(1e9, 0)
	who := func(name string) asked { return asked{id: mobility.NAI(name)} }
	known := func(name string) bool { _, _, ok := c.get(now, who(name)); return ok }
	c.put(now, who("a"), accept(nil))
	for i := range 50 {
		c.put(now, who(fmt.Sprint("stranger", i)), rejected)
	}
	if !known("a") || !known("stranger49") || c.len() != 3 {
		t.Errorf("a %v, the last stranger %v, %d", known("a"), known("stranger49"), c.len())
	}
	c.put(now, who("b"), accept(nil))
	c.put(now, who("c"), accept(nil))
	c.put(now, who("stranger"), rejected)
	if !known("a") || !known("b") || !known("c") || known("stranger") || c.len() != 3 {
		t.Errorf("a %v, b %v, c %v, a stranger %v, %d", known("a"), known("b"), known("c"), known("stranger"), c.len())
	}
	c.put(now, who("d"), accept(nil))
	if known("a") || !known("d") {
		t.Error("the oldest grant goes when there are only grants")
	}
	c.put(now, who("d"), rejected) // in place of what it had
	if !known("d") || c.len() != 3 {
		t.Errorf("%d", c.len())
	}
}
