package lma

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
)

func restorable() mobility.BindingCacheEntry {
	return mobility.BindingCacheEntry{
		MobileNodeID:        mobility.NAI("mn1@example.net"),
		HomeNetworkPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:100:1::/64")},
		ProxyCareOfAddress:  magAddress(1),
		LMAAddress:          lmaAddress,
		State:               "registered",
		Expires:             epoch.Add(time.Minute),
	}
}

// TestRestoreRefuses: a store that contradicts itself is told by name, and nothing of it is restored.
func TestRestoreRefuses(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(*mobility.BindingCacheEntry)
		expect string
	}{
		{"two owners", func(e *mobility.BindingCacheEntry) {}, "stored prefix 2001:db8:100:1::/64 has two owners, mn1@example.net and mn2@example.net"},
		{"no identifier", func(e *mobility.BindingCacheEntry) { e.MobileNodeID = mobility.MobileNodeID{} }, "without a mobile node identifier"},
		{"no prefix", func(e *mobility.BindingCacheEntry) { e.HomeNetworkPrefixes = nil }, "no home network prefix"},
		{"no Proxy-CoA", func(e *mobility.BindingCacheEntry) { e.ProxyCareOfAddress = netip.Addr{} }, "has Proxy-CoA invalid IP"},
		{"unknown state", func(e *mobility.BindingCacheEntry) { e.State = "asleep" }, `has state "asleep"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := populate(t, 0, 1)
			second := restorable()
			second.MobileNodeID = mobility.NAI("mn2@example.net")
			test.spoil(&second)
			err := p.lma.Restore(epoch, []mobility.BindingCacheEntry{restorable(), second})
			if err == nil || !strings.Contains(err.Error(), test.expect) {
				t.Errorf("error %v, want one with %q", err, test.expect)
			}
			if p.lma.Len() != 0 || p.lma.Forwarding().Len() != 0 {
				t.Errorf("%d bindings and %d forwarding entries were restored", p.lma.Len(), p.lma.Forwarding().Len())
			}
		})
	}
}

// TestRestoreByAnotherClock: what a record says is by the wall clock of when it was stored. A binding stands for no longer than it
// was granted, whatever that clock has been set to since.
func TestRestoreByAnotherClock(t *testing.T) {
	for _, test := range []struct {
		name             string
		updated, expires time.Duration // from now
		want             time.Duration
	}{
		{"as it was", -4 * time.Minute, time.Minute, time.Minute},
		{"set back", 24*time.Hour - time.Minute, 24*time.Hour + 4*time.Minute, 5 * time.Minute},
		{"set forward a little", -5 * time.Minute, time.Second, time.Second},
	} {
		p, e := populate(t, 0, 1), restorable()
		e.LastUpdate, e.Expires = epoch.Add(test.updated), epoch.Add(test.expires)
		if err := p.lma.Restore(epoch, []mobility.BindingCacheEntry{e}); err != nil {
			t.Fatal(err)
		}
		if got := p.lma.Snapshot()[0].Expires.Sub(epoch); got != test.want {
			t.Errorf("%s: it stands for %v, want %v", test.name, got, test.want)
		}
	}
}

// TestRestoreTwice: a cache that is in use is not written over.
func TestRestoreTwice(t *testing.T) {
	p := populate(t, 1, 0)
	if err := p.lma.Restore(epoch, []mobility.BindingCacheEntry{restorable()}); err == nil {
		t.Error("restored into an LMA with a binding")
	}
}

// TestRestoreForgetsTheDead: what has ended claims no prefix, so that a store that lagged behind does not stop a start.
func TestRestoreForgetsTheDead(t *testing.T) {
	p := populate(t, 0, 1)
	dead := restorable()
	dead.MobileNodeID = mobility.NAI("mn2@example.net")
	dead.Expires = epoch
	if err := p.lma.Restore(epoch, []mobility.BindingCacheEntry{dead, restorable()}); err != nil {
		t.Fatal(err)
	}
	if records := p.lma.Snapshot(); len(records) != 1 || records[0].MobileNodeID != restorable().MobileNodeID {
		t.Errorf("restored %v", records)
	}
}
