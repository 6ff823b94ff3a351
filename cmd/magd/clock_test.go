package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/cmd/internal/api"
)

var (
	discard        = slog.New(slog.DiscardHandler)
	anchor         = netip.MustParseAddr("2001:db8:f0::fe")
	handoverOfTest = api.Handover{Interface: "acc0"}
)

func TestTheClockIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var right atomic.Int64 // Unix time
		c := newClockWatch()
		c.synchronized = func() bool { return time.Now().Unix() >= right.Load() }
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		var told atomic.Int32
		go c.run(ctx, func() { told.Add(1) })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if told.Load() != 0 {
			t.Error("told although nobody doubts the clock")
		}
		right.Store(time.Now().Add(time.Minute).Unix())
		c.doubt()
		c.doubt()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if told.Load() != 0 {
			t.Error("told too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if told.Load() == 0 {
			t.Error("not told")
		}
	})
}

func TestTimeThatPassesIsNoSetClock(t *testing.T) {
	if now := time.Now(); moved(now, now.Add(time.Hour)) != 0 {
		t.Error("time that passes counts as set")
	}
}
