package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// When the memory that a burst of registrations took goes back to the kernel.
const (
	memoryInterval = time.Second
	quietIntervals = 2        // without much to do
	quietOctets    = 1 << 20  // allocated in an interval is not much
	burstOctets    = 16 << 20 // allocated since the last time is worth it
)

// memory watches what is allocated, and says when things are quiet after a burst. The runtime by itself keeps as much garbage as
// there are bindings until the next burst, or for minutes.
type memory struct {
	last, returned uint64 // octets allocated since the start, when looked at last and when memory was given back
	quiet          int    // intervals
}

// due says whether memory should be given back now that so many octets have been allocated since the start.
func (m *memory) due(allocated uint64) bool {
	if allocated-m.last > quietOctets {
		m.quiet = 0
	} else {
		m.quiet++
	}
	m.last = allocated
	if m.quiet < quietIntervals || allocated-m.returned < burstOctets {
		return false
	}
	m.returned = allocated
	return true
}

// returnMemory runs until ctx ends.
func returnMemory(ctx context.Context) error {
	var m memory
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	tick := time.NewTicker(memoryInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if metrics.Read(sample); m.due(sample[0].Value.Uint64()) {
			debug.FreeOSMemory()
		}
	}
}
