package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// echo repeats its events as actions and, once armed, says "tick" when its deadline has passed.
type echo struct{ deadline time.Time }

func (c *echo) Handle(now time.Time, event string) []string {
	if event == "arm" {
		c.deadline = now.Add(time.Millisecond)
	}
	return []string{event}
}

func (c *echo) Expire(now time.Time) []string {
	if c.deadline.IsZero() || now.Before(c.deadline) {
		return nil
	}
	c.deadline = time.Time{}
	return []string{"tick"}
}

func (c *echo) NextDeadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func TestActionsComeInOrderAndTheTimerFires(t *testing.T) {
	defer goleak.VerifyNone(t)
	actions := make(chan string, 10)
	e := New[string, string](&echo{}, 10, func(a string) { actions <- a })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	for _, event := range []string{"a", "b", "arm"} {
		if !e.Post(event) {
			t.Fatalf("event %q found the queue full", event)
		}
	}
	var got []string
	for range 4 {
		got = append(got, <-actions)
	}
	if want := []string{"a", "b", "arm", "tick"}; !slices.Equal(got, want) {
		t.Errorf("actions %q, want %q", got, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

func TestAFullQueueDropsAndCounts(t *testing.T) {
	e := New[string, string](&echo{}, 1, func(string) {})
	if !e.Post("first") || e.Post("second") {
		t.Error("want the first event queued and the second dropped")
	}
	if e.Dropped() != 1 {
		t.Errorf("dropped %d events, want 1", e.Dropped())
	}
}

func TestDoRunsInTheOwnerAndEndsWithIt(t *testing.T) {
	e := New[string, string](&echo{}, 1, func(string) {})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	ran := false
	if err := e.Do(context.Background(), func() { ran = true }); err != nil || !ran {
		t.Errorf("Do: ran %v, error %v", ran, err)
	}
	cancel()
	<-done
	if err := e.Do(context.Background(), func() {}); !errors.Is(err, ErrStopped) {
		t.Errorf("Do after the end: %v, want ErrStopped", err)
	}
}

func TestSendWaitsForRoomAndEndsWithTheEngine(t *testing.T) {
	e := New[string, string](&echo{}, 1, func(string) {})
	e.Post("fills the queue")
	sent := make(chan error, 1)
	go func() { sent <- e.Send("waits") }()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	if err := <-sent; err != nil {
		t.Errorf("Send: %v", err)
	}
	cancel()
	<-done
	e.Post("fills the queue") // nobody takes it any more
	if err := e.Send("too late"); !errors.Is(err, ErrStopped) {
		t.Errorf("Send after the end: %v, want ErrStopped", err)
	}
}

// HandleBatch needs no queue: its events are handled before those that wait, and what flush does comes once, behind all of
// their actions.
func TestHandleBatchExecutesInOrderAndFlushesOnce(t *testing.T) {
	var got []string
	e := New[string, string](&echo{}, 10, func(a string) { got = append(got, a) })
	e.OnFlush(func() { got = append(got, "flush") })
	e.Post("queued")
	if err := e.HandleBatch([]string{"a", "b", "c"}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "b", "c", "flush"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	got = nil
	if err := e.HandleBatch(slices.Repeat([]string{"x"}, 2*batch+1)); err != nil {
		t.Fatal(err)
	}
	flushes := 0
	for _, a := range got {
		if a == "flush" {
			flushes++
		}
	}
	if len(got) != 2*batch+1+3 || flushes != 3 {
		t.Errorf("%d actions and %d flushes of %d events", len(got)-flushes, flushes, 2*batch+1)
	}
}

// Run waits for the deadline that a batch brought forward, not for the one it knew.
func TestHandleBatchArmsTheTimer(t *testing.T) {
	defer goleak.VerifyNone(t)
	actions := make(chan string, 10)
	e := New[string, string](&echo{}, 10, func(a string) { actions <- a })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	if err := e.Do(context.Background(), func() {}); err != nil { // Run waits for an hour now, or is about to
		t.Fatal(err)
	}
	if err := e.HandleBatch([]string{"arm"}); err != nil {
		t.Fatal(err)
	}
	if first, second := <-actions, <-actions; first != "arm" || second != "tick" {
		t.Errorf("%q, %q", first, second)
	}
	cancel()
	<-done
	if err := e.HandleBatch([]string{"late"}); !errors.Is(err, ErrStopped) {
		t.Errorf("HandleBatch after the end: %v, want ErrStopped", err)
	}
}

// Many goroutines, one owner at a time: run with -race.
func TestOneOwnerAtATime(t *testing.T) {
	executed := 0 // without a lock of its own
	e := New[string, string](&echo{}, 1000, func(string) { executed++ })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for range 100 {
				if err := e.HandleBatch([]string{"a", "b"}); err != nil {
					t.Error(err)
				}
				if err := e.Send("c"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	readers.Wait()
	for total := 0; total < 1200; {
		if err := e.Do(context.Background(), func() { total = executed }); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	<-done
}
