package lma

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
)

// TestNewRefuses: each bad value is named with what would be right.
func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(*Config)
		expect string
	}{
		{"no address", func(c *Config) { c.LMAAddresses = nil }, "no LMA address"},
		{"link-local address", func(c *Config) { c.LMAAddresses[0] = netip.MustParseAddr("fe80::1") }, "LMA address fe80::1: want"},
		{"negative delay", func(c *Config) { c.TimestampValidityWindow = -time.Second }, "is negative"},
		{"no lookup", func(c *Config) { c.Profile = nil }, "are all needed"},
		{"prefix length", func(c *Config) { c.PrefixLength = 129 }, "prefix length 129"},
		{"huge pool", func(c *Config) { c.Pools = []netip.Prefix{netip.MustParsePrefix("2000::/8")} }, "more than 2^48"},
		{"IPv4 pools overlap", func(c *Config) {
			c.IPv4Pools = append(c.IPv4Pools, IPv4Pool{Network: netip.MustParsePrefix("10.1.0.0/16")})
		}, "IPv4 pools 10.0.0.0/8 and 10.1.0.0/16 overlap"},
		{"default router elsewhere", func(c *Config) { c.IPv4Pools[0].DefaultRouter = netip.MustParseAddr("11.0.0.1") }, "has default router 11.0.0.1"},
		{"IPv6 address in an IPv4 pool", func(c *Config) { c.IPv4Pools[0].Network = netip.MustParsePrefix("2001:db8::/32") }, "want a unicast IPv4 network"},
		{"too small a pool", func(c *Config) { c.IPv4Pools[0].Network = netip.MustParsePrefix("10.0.0.0/31") }, "want a network from /8 to /30"},
		{"revocations too dense", func(c *Config) { c.InitMINDelayBRIs = 499 * time.Millisecond }, "at least 500ms"},
		{"revocations that slow down", func(c *Config) { c.MaxBRAckTimeout = 600 * time.Millisecond }, "a maximum not below the first"},
		{"too many pools", func(c *Config) { c.Pools = make([]netip.Prefix, maximumPools+1) }, "1025 pools"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := populate(t, 0, 1).lma.cfg
			test.spoil(&cfg)
			if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), test.expect) {
				t.Errorf("error %v, want one with %q", err, test.expect)
			}
		})
	}
}

// TestAnswerTooLong: a request may cram in more prefixes than fit into an answer, where they are aligned. It is counted.
func TestAnswerTooLong(t *testing.T) {
	p := populate(t, 0, 1)
	payload := []byte{59, 255, 5, 0, 0, 0, 0, 1, 0x82, 0, 0, 75}
	for range 100 {
		payload = append(append(payload, 22, 18, 0, 64), make([]byte, 16)...)
	}
	payload = append(payload, make([]byte, 2048-len(payload))...)
	actions := p.lma.Handle(p.now, MessageReceived{Source: magAddress(1), Destination: lmaAddress, Payload: payload})
	if len(actions) != 2 || actions[1].(Ignored).Reason != UnencodableAnswer {
		t.Errorf("actions %v, want a rejection and that it cannot be sent", actions)
	}
}

// TestDefaults: RFC 5213 section 9.1, RFC 5846 section 11.
func TestDefaults(t *testing.T) {
	cfg := populate(t, 0, 1).lma.cfg
	if cfg.MinDelayBeforeBCEDelete != 10000*time.Millisecond || cfg.MaxDelayBeforeNewBCEAssign != 1500*time.Millisecond ||
		cfg.TimestampValidityWindow != 300*time.Millisecond || cfg.PrefixLength != 64 ||
		cfg.BRIMaxRetriesNumber != 1 || cfg.InitMINDelayBRIs != time.Second || cfg.MaxBRAckTimeout != 2*time.Second {
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
		all, err := newPrefixPool(prefixes, test.length, 100)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[netip.Prefix]bool{}
		for n := range all.pools {
			for i := range all.pools[n].indexes.size {
				prefix := all.prefix(&all.pools[n], i)
				if of, back := all.find(prefix); of != &all.pools[n] || back != i || prefix != prefix.Masked() || seen[prefix] {
					t.Fatalf("pools %v: index %d is %s, whose index is %d (%v)", test.pools, i, prefix, back, of)
				}
				seen[prefix] = true
			}
		}
	}
}

// TestStablePrefix: the identifier alone determines the prefix while that is free, in every anchor with these pools.
func TestStablePrefix(t *testing.T) {
	first, second := populate(t, 1000, 0), populate(t, 0, 1000)
	for n := 999; n >= 0; n-- { // in another order
		second.register(n, 2)
	}
	kept := 0
	here, there := first.lma.Snapshot(), second.lma.Snapshot()
	for i := range here {
		if here[i].HomeNetworkPrefixes[0] == there[i].HomeNetworkPrefixes[0] {
			kept++
		}
	}
	if kept < 990 { // two identifiers may have a first choice in common
		t.Errorf("%d of 1000 mobile nodes get the same prefix, e.g. %v", kept, mobility.NAI("mn0@example.net"))
	}
}
