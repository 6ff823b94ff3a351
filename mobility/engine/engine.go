// Package engine runs a sans-IO core: one goroutine owns it, takes events from a bounded queue, executes the actions that
// come out and keeps the core's one timer. Everything else that wants to see the core asks that goroutine.
package engine

import (
	"context"
	"errors"
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

// ErrStopped is returned by Do and Send when the engine has ended.
var ErrStopped = errors.New("engine: stopped")

// Engine owns a core.
type Engine[E, A any] struct {
	core    Core[E, A]
	execute func(A)
	events  chan E
	calls   chan func()
	stopped chan struct{}
	dropped atomic.Uint64
	now     func() time.Time
}

// New makes an engine with room for queue waiting events. execute carries out one action; it runs in the owner goroutine
// and must not call Do.
func New[E, A any](core Core[E, A], queue int, execute func(A)) *Engine[E, A] {
	return &Engine[E, A]{
		core:    core,
		execute: execute,
		events:  make(chan E, queue),
		calls:   make(chan func()),
		stopped: make(chan struct{}),
		now:     time.Now,
	}
}

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
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if deadline, ok := e.core.NextDeadline(); ok {
			timer.Reset(deadline.Sub(e.now()))
		} else {
			timer.Reset(time.Hour)
		}
		select {
		case <-ctx.Done():
			return nil
		case event := <-e.events:
			e.run(e.handle(event))
		case call := <-e.calls:
			call()
		case <-timer.C:
			e.run(e.core.Expire(e.now()))
		}
	}
}

// handle gives the core the first event and those that wait behind it, up to one batch.
func (e *Engine[E, A]) handle(first E) []A {
	actions := e.core.Handle(e.now(), first)
	for range batch - 1 {
		select {
		case event := <-e.events:
			actions = append(actions, e.core.Handle(e.now(), event)...)
		default:
			return actions
		}
	}
	return actions
}

func (e *Engine[E, A]) run(actions []A) {
	for _, action := range actions {
		e.execute(action)
	}
}
