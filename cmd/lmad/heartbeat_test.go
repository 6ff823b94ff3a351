package main

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/store"
)

// TestTheRestartCounterGrowsWhenBindingsMayBeLost, and only then (RFC 5847 section 3.2): after a stop every binding is in the
// file, after a crash the last ones may be missing.
func TestTheRestartCounterGrowsWhenBindingsMayBeLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmad.db")
	start := func() (*store.Store, daemon.HeartbeatConfig) {
		s, _, err := store.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var c daemon.HeartbeatConfig
		if err := (&anchor{store: s}).restartCounter(&c); err != nil {
			t.Fatal(err)
		}
		return s, c
	}
	s, first := start()
	s.PutPeer(mag1, 7)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, stopped := start()
	if stopped.RestartCounter != first.RestartCounter || !stopped.StateKept || stopped.Known[mag1] != 7 {
		t.Errorf("after a stop: %d after %d, kept %v, known %v", stopped.RestartCounter, first.RestartCounter, stopped.StateKept, stopped.Known)
	}
	crashed, err := os.ReadFile(path) // as a crash now would leave it
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, crashed, 0o600); err != nil {
		t.Fatal(err)
	}
	s, after := start()
	defer s.Close()
	if after.RestartCounter != first.RestartCounter+1 || after.StateKept {
		t.Errorf("after a crash: %d after %d, kept %v", after.RestartCounter, first.RestartCounter, after.StateKept)
	}
}

// So it does after a stop, when a binding does not come back that its gateway believes in: the configuration no longer has its anchor's
// address, or its lifetime cannot be by the clock. One that its gateway de-registered is none, nor one whose lifetime ended during the stop.
func TestTheRestartCounterGrowsWhenBindingsDoNotComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lmad.db")
	start := func() (*anchor, daemon.HeartbeatConfig) {
		a := beginsWith(t, path)
		var c daemon.HeartbeatConfig
		if err := a.restartCounter(&c); err != nil {
			t.Fatal(err)
		}
		return a, c
	}
	a, before := start()
	own, other := ownAddress, netip.MustParseAddr("2001:db8:f0::fe")
	for _, step := range []struct {
		name             string
		state            string
		anchor           netip.Addr
		updated, expires time.Duration // from now
		kept             bool
	}{
		{"it stands", "registered", own, 0, time.Hour, true},
		{"its end is before its begin", "registered", own, 0, -time.Second, false},
		{"another configuration", "registered", other, 0, time.Hour, false},
		{"de-registered", "deregistered", own, 0, -time.Second, true},
		{"its lifetime ended during the stop", "registered", own, -time.Hour, -time.Second, true},
		{"and the configuration is another one", "registered", other, -time.Hour, -time.Second, true},
	} {
		now := time.Now()
		a.store.Put(mobility.BindingCacheEntry{
			MobileNodeID: mobility.NAI("mn1"), HomeNetworkPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:1000:1::/64")},
			ProxyCareOfAddress: mag1, LMAAddress: step.anchor, State: step.state,
			Registered: now.Add(step.updated), LastUpdate: now.Add(step.updated), Expires: now.Add(step.expires),
		})
		if err := a.store.Close(); err != nil {
			t.Fatal(err)
		}
		var after daemon.HeartbeatConfig
		a, after = start()
		if after.StateKept != step.kept || (after.RestartCounter == before.RestartCounter) != step.kept {
			t.Errorf("%s: %d after %d, kept %v", step.name, after.RestartCounter, before.RestartCounter, after.StateKept)
		}
		before = after
	}
	if err := a.store.Close(); err != nil {
		t.Fatal(err)
	}
}

var ownAddress = netip.MustParseAddr("2001:db8:f0::ff")

// beginsWith is an anchor that has read the bindings at path, and done nothing else yet.
func beginsWith(t *testing.T, path string) *anchor {
	t.Helper()
	core, err := lma.New(lma.Config{
		LMAAddresses: []netip.Addr{ownAddress}, Pools: []netip.Prefix{netip.MustParsePrefix("2001:db8:1000::/48")},
		Authorized: func(netip.Addr, string) bool { return true },
		Profile: func(mobility.MobileNodeID) (mobility.Profile, bool) {
			return mobility.Profile{ProxyRegistration: true}, true
		},
		Random: func([]byte) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := &anchor{cfg: &configs.Lmad{}, log: slog.New(slog.DiscardHandler), core: core}
	a.cfg.StorePath = path
	if err := a.restore(); err != nil {
		t.Fatal(err)
	}
	return a
}

// A start that fails after it has read the bindings, because a port is taken or an address is not there yet, tells nobody anything: what
// was lost before it is still to be told.
func TestAFailedStartForgetsNoLoss(t *testing.T) {
	for _, test := range []struct {
		name   string
		anchor netip.Addr // of the binding in the file
		crash  bool
		kept   bool
	}{
		{"after a stop", ownAddress, false, true},
		{"after a crash", ownAddress, true, false},
		{"after a stop, with another configuration", netip.MustParseAddr("2001:db8:f0::fe"), false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lmad.db")
			var before, after daemon.HeartbeatConfig
			a := beginsWith(t, path)
			if err := a.restartCounter(&before); err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			a.store.Put(mobility.BindingCacheEntry{
				MobileNodeID: mobility.NAI("mn1"), HomeNetworkPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:1000:1::/64")},
				ProxyCareOfAddress: mag1, LMAAddress: test.anchor, State: "registered", Registered: now, LastUpdate: now, Expires: now.Add(time.Hour),
			})
			a.close()
			if test.crash {
				a = beginsWith(t, path)
				crashed, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				a.close()
				if err := os.WriteFile(path, crashed, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				beginsWith(t, path).close()
			}
			a = beginsWith(t, path)
			defer a.close()
			if err := a.restartCounter(&after); err != nil {
				t.Fatal(err)
			}
			if after.StateKept != test.kept || (after.RestartCounter == before.RestartCounter) != test.kept {
				t.Errorf("%d after %d, kept %v", after.RestartCounter, before.RestartCounter, after.StateKept)
			}
		})
	}
}
