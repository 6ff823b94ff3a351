// Package engine runs a sans-IO core: it has one owner at a time, which gives it events, executes the actions that come out
// and keeps the core's one timer. The owner is the goroutine of Run, which takes events from a bounded queue; a goroutine that
// reads a socket may own the core for as long as its messages take (HandleBatch), which spares them the way through the queue.
// Everything else that wants to see the core asks Run's goroutine.
package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Core is a protocol machine without locks, goroutines, clocks or sockets; E are its events, A its actions.
type Core[E, A any] interface {
	Handle(now time.Time, event E) []A
	Expire(now time.Time) []A
	NextDeadline() (time.Time, bool)
}

// batch bounds how many queued events are handled before their actions are executed. Handling several first lets one
// forwarding update carry the changes of all of them.
const batch = 64

// keptRoom bounds how many actions there is room for between batches: an expiry may have had one for every binding.
const keptRoom = 16 * batch

// ErrStopped is returned by Do, Send and HandleBatch when the engine has ended.
var ErrStopped = errors.New("engine: stopped")

// Engine owns a core.
type Engine[E, A any] struct {
	core    Core[E, A]
	execute func(A)
	flush   func()
	events  chan E
	calls   chan func()
	stopped chan struct{}
	earlier chan struct{} // the core's deadline came forward while Run waited for a later one
	dropped atomic.Uint64
	now     func() time.Time

	owner   sync.Mutex // held by who drives the core; guards what follows
	actions []A
	armed   time.Time // what Run waits for
	ended   bool
}

// New makes an engine with room for queue waiting events. execute carries out one action; it runs in the owner goroutine
// and must not call Do or HandleBatch.
func New[E, A any](core Core[E, A], queue int, execute func(A)) *Engine[E, A] {
	return &Engine[E, A]{
		core:    core,
		execute: execute,
		flush:   func() {},
		events:  make(chan E, queue),
		calls:   make(chan func()),
		stopped: make(chan struct{}),
		earlier: make(chan struct{}, 1),
		now:     time.Now,
	}
}

// OnFlush has flush called by the owner after the actions of each batch were executed, before it gives the core up: for
// what execute only gathers, such as messages that leave with one system call. Call it before Run.
func (e *Engine[E, A]) OnFlush(flush func()) { e.flush = flush }

// Post queues an event without blocking. False: the queue was full, the event is dropped and counted.
func (e *Engine[E, A]) Post(event E) bool {
	select {
	case e.events <- event:
		return true
	default:
		e.dropped.Add(1)
		return false
	}
}

// Send queues an event and waits for room while the queue is full: for events that nobody would repeat. It fails with
// ErrStopped once the engine has ended. The owner goroutine must not call it.
func (e *Engine[E, A]) Send(event E) error {
	select {
	case e.events <- event:
		return nil
	case <-e.stopped:
		return ErrStopped
	}
}

// Dropped is the number of events that found the queue full.
func (e *Engine[E, A]) Dropped() uint64 { return e.dropped.Load() }

// HandleBatch makes the caller the owner of the core until it has handled the events, past those that are queued, and their
// actions were executed. The caller may reuse what the events refer to afterwards.
func (e *Engine[E, A]) HandleBatch(events []E) error {
	e.owner.Lock()
	defer e.owner.Unlock()
	if e.ended {
		return ErrStopped
	}
	for len(events) > 0 {
		n := min(len(events), batch)
		for _, event := range events[:n] {
			e.actions = append(e.actions, e.core.Handle(e.now(), event)...)
		}
		e.run()
		events = events[n:]
	}
	if deadline, ok := e.core.NextDeadline(); ok && deadline.Before(e.armed) {
		select {
		case e.earlier <- struct{}{}:
		default: // Run has not seen the last one yet
		}
	}
	return nil
}

// Do runs f in the owner goroutine, between events, and returns when it is done.
func (e *Engine[E, A]) Do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case e.calls <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-e.stopped:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run owns the core until ctx ends. It must be called once.
func (e *Engine[E, A]) Run(ctx context.Context) error {
	defer close(e.stopped)
	defer e.own(func() { e.ended = true })
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		e.own(func() {
			e.armed = e.now().Add(time.Hour)
			if deadline, ok := e.core.NextDeadline(); ok && deadline.Before(e.armed) {
				e.armed = deadline
			}
			timer.Reset(e.armed.Sub(e.now()))
		})
		select {
		case <-ctx.Done():
			return nil
		case event := <-e.events:
			e.own(func() { e.handle(event) })
		case call := <-e.calls:
			e.own(call)
		case <-e.earlier:
		case <-timer.C:
			e.own(e.expire)
		}
	}
}

// own runs f as the owner of the core.
func (e *Engine[E, A]) own(f func()) {
	e.owner.Lock()
	defer e.owner.Unlock()
	f()
}

// handle gives the core the first event and those that wait behind it, up to one batch.
func (e *Engine[E, A]) handle(first E) {
	e.actions = append(e.actions, e.core.Handle(e.now(), first)...)
	for range batch - 1 {
		select {
		case event := <-e.events:
			e.actions = append(e.actions, e.core.Handle(e.now(), event)...)
		default:
			e.run()
			return
		}
	}
	e.run()
}

func (e *Engine[E, A]) expire() {
	e.actions = append(e.actions, e.core.Expire(e.now())...)
	e.run()
}

// run executes the actions gathered, and keeps the room for the next ones but nothing that they refer to.
func (e *Engine[E, A]) run() {
	for _, action := range e.actions {
		e.execute(action)
	}
	clear(e.actions)
	e.actions = e.actions[:0]
	if cap(e.actions) > keptRoom {
		e.actions = nil
	}
	e.flush()
}
