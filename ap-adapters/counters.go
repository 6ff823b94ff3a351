package apadapters

import (
	"maps"
	"sync"
)

// Counters are those of an adapter's Status. The zero value is ready; its methods may be called from any goroutine.
type Counters struct {
	mu sync.Mutex
	of map[string]uint64
}

// Count adds one.
func (c *Counters) Count(name string) { c.Add(name, 1) }

// Add adds n.
func (c *Counters) Add(name string, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]uint64{}
	}
	c.of[name] += n
}

// Snapshot is a copy for Status; never nil, which would be null in JSON.
func (c *Counters) Snapshot() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	snapshot := make(map[string]uint64, len(c.of))
	maps.Copy(snapshot, c.of)
	return snapshot
}
