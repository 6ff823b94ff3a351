package adaptertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"netlmm/mih"
)

const patience = 60 * time.Second

// running is a bench with its adapter at work, and what came of it: the view that an MIH Function has.
type running struct {
	Bench
	t    *testing.T
	stop func()

	mu     sync.Mutex
	full   bool
	within bool // emit
	up     map[mih.LinkAddress]bool
	events map[mih.EventType]int
}

func start(t *testing.T, b Bench) *running {
	t.Helper()
	r := &running{Bench: b, t: t, up: map[mih.LinkAddress]bool{}, events: map[mih.EventType]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Adapter.Run(ctx, r.emit) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	r.wait("connected", func() bool {
		for _, p := range b.Adapter.Status().Peers {
			if !p.Connected {
				return false
			}
		}
		return true
	})
	return r
}

func (r *running) emit(ind mih.Indication) bool {
	r.mu.Lock()
	if r.within {
		r.t.Error("emit is called by two goroutines at a time")
	}
	r.within = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.within = false
		r.mu.Unlock()
	}()
	link := ind.Event.LinkTuple().Link
	if ind.SAP != r.Adapter.Name() || ind.Interface == "" || ind.ReceivedAt.IsZero() || link.Type == 0 || link.Address.IsZero() {
		r.t.Errorf("an indication without its source, time or link: %+v", ind)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.full {
		return false
	}
	r.events[ind.Event.EventType()]++
	switch ind.Event.(type) {
	case mih.LinkUp:
		r.up[link.Address] = true
	case mih.LinkDown:
		delete(r.up, link.Address)
	}
	return true
}

func (r *running) setFull(full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full = full
}

func (r *running) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.up)
}

func (r *running) hasAddress(station mih.LinkAddress) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up[station]
}

// any is one of the stations that are up.
func (r *running) any() (station mih.LinkAddress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for station = range r.up {
		break
	}
	return station
}

func (r *running) count(event mih.EventType) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.events[event]
}

// wait polls until ok.
func (r *running) wait(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not in time: %s; %d stations are up; status %+v", what, r.size(), r.Adapter.Status())
		}
	}
}
