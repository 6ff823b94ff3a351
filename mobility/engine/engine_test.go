package engine

import (
	"context"
	"errors"
	"slices"
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
