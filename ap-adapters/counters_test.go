package apadapters

import (
	"maps"
	"testing"
)

func TestCounters(t *testing.T) {
	var c Counters
	if c.Snapshot() == nil {
		t.Error("no counters are null in JSON")
	}
	before := c.Snapshot()
	c.Count("heard")
	c.Add("heard", 2)
	c.Count("dropped")
	if got := c.Snapshot(); !maps.Equal(got, map[string]uint64{"heard": 3, "dropped": 1}) || len(before) != 0 {
		t.Errorf("%v, before %v", got, before)
	}
}
