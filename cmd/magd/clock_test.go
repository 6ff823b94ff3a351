package main

import (
	"context"
	"log/slog"
	"net/netip"
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
		right := time.Now().Add(time.Minute)
		c := newClockWatch()
		c.synchronized = func() bool { return !time.Now().Before(right) }
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		told := 0
		go c.run(ctx, func() { told++ })
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if told != 0 {
			t.Error("told although nobody doubts the clock")
		}
		right = time.Now().Add(time.Minute)
		c.doubt()
		c.doubt()
		time.Sleep(59 * time.Second)
		synctest.Wait()
		if told != 0 {
			t.Error("told too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if told == 0 {
			t.Error("not told")
		}
	})
}

func TestTimeThatPassesIsNoSetClock(t *testing.T) {
	if now := time.Now(); moved(now, now.Add(time.Hour)) != 0 {
		t.Error("time that passes counts as set")
	}
}
