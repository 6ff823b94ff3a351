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

// TestRestoreTwice: a cache that is in use is not written over.
func TestRestoreTwice(t *testing.T) {
	p := populate(t, 1, 0)
	if err := p.lma.Restore(epoch, []mobility.BindingCacheEntry{restorable()}); err == nil {
		t.Error("restored into an LMA with a binding")
	}
}

// TestDefaults: RFC 5213 section 9.1.
func TestDefaults(t *testing.T) {
	cfg := populate(t, 0, 1).lma.cfg
	if cfg.MinDelayBeforeBCEDelete != 10000*time.Millisecond || cfg.MaxDelayBeforeNewBCEAssign != 1500*time.Millisecond ||
		cfg.TimestampValidityWindow != 300*time.Millisecond || cfg.PrefixLength != 64 {
		t.Errorf("defaults are %+v", cfg)
	}
}

// TestPoolPrefixes: every index is one prefix and back, for pools and lengths on either side of the 64-bit line.
func TestPoolPrefixes(t *testing.T) {
	for _, test := range []struct {
		pools  []string
		length int
	}{
		{[]string{"2001:db8:100::/56", "2001:db8:200::/60"}, 64},
		{[]string{"2001:db8:100::/60"}, 68},
		{[]string{"2001:db8::/120"}, 128},
		{[]string{"2000::/3"}, 8},
		{[]string{"2001:db8:100::/64"}, 64},
	} {
		var prefixes []netip.Prefix
		for _, text := range test.pools {
			prefixes = append(prefixes, netip.MustParsePrefix(text))
		}
		pool, err := newPrefixPool(prefixes, test.length)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[netip.Prefix]bool{}
		for i := range pool.indexes.size {
			prefix := pool.prefix(i)
			if back, ok := pool.index(prefix); !ok || back != i || prefix != prefix.Masked() || seen[prefix] {
				t.Fatalf("pools %v: index %d is %s, whose index is %d (%v)", test.pools, i, prefix, back, ok)
			}
			seen[prefix] = true
		}
	}
}
