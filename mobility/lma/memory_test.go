package lma

import (
	"runtime"
	"testing"

	"netlmm/mobility/forwarding"
)

// maximumBytesPerBinding bounds what the cache itself costs, without the forwarding state, which the room next door owns.
const maximumBytesPerBinding = 350

// TestMemoryPerBinding measures the heap of an anchor with many mobile nodes of one binding each.
func TestMemoryPerBinding(t *testing.T) {
	const bindings = 50_000
	empty := heap()
	p := populate(t, bindings, 0)
	ids := heap()
	state := forwarding.NewState()
	p.lma.Forwarding().All(func(e forwarding.Entry) bool { state.Set(e); return true })
	state.TakeChanged()
	withState := heap()
	lma := p.lma
	p.lma = nil // the identifiers of the test stay
	whole := (int64(ids) - int64(empty)) / bindings
	ofState := (int64(withState) - int64(ids)) / bindings
	runtime.KeepAlive(lma)
	lma = nil
	left := heap()
	cache := (int64(withState)-int64(left))/bindings - ofState
	runtime.KeepAlive(state)
	runtime.KeepAlive(p)
	t.Logf("a binding: %d octets of heap with what the test keeps; the anchor %d, of which forwarding state %d, binding cache %d",
		whole, cache+ofState, ofState, cache)
	if cache > maximumBytesPerBinding {
		t.Errorf("the binding cache takes %d octets a binding, want at most %d", cache, maximumBytesPerBinding)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
