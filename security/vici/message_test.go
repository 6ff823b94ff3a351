package vici

import (
	"testing"
	"time"
)

// Only selectors of one host that cover every Mobility Header type count (kernel.md section 3), and to libipsec these look
// like "no next header" (section 4).
func TestParseSelector(t *testing.T) {
	for _, c := range []struct {
		selectors      []string
		plugin         string
		address        string // "" when invalid
		mobilityHeader bool
	}{
		{[]string{"2001:db8::1/128[mobility-header]"}, KernelNetlink, "2001:db8::1", true},
		{[]string{"2001:db8::1/128[135]"}, KernelNetlink, "2001:db8::1", true},
		{[]string{"2001:db8::1/128"}, KernelNetlink, "2001:db8::1", true},
		{[]string{"2001:db8::1/128"}, KernelLibipsec, "2001:db8::1", true},
		{[]string{"2001:db8::1/128[ipv6-nonxt]"}, KernelLibipsec, "2001:db8::1", true},
		{[]string{"2001:db8::1/128[59]"}, KernelLibipsec, "2001:db8::1", true},
		{[]string{"2001:db8::1/128[135]"}, KernelLibipsec, "2001:db8::1", false},
		{[]string{"2001:db8::1/128[ipv6-nonxt]"}, KernelNetlink, "2001:db8::1", false},
		{[]string{"2001:db8::1/128[mobility-header/1280]"}, KernelNetlink, "2001:db8::1", false}, // type 5 only
		{[]string{"2001:db8::1/128[udp/5436]"}, KernelNetlink, "2001:db8::1", false},
		{[]string{"192.0.2.1/32[udp/5436]"}, KernelNetlink, "192.0.2.1", true},
		{[]string{"192.0.2.1/32[udp/5436]"}, KernelLibipsec, "192.0.2.1", true},
		{[]string{"192.0.2.1/32[17/pmip6-cntl]"}, KernelNetlink, "192.0.2.1", true},
		{[]string{"192.0.2.1/32[udp]"}, KernelNetlink, "192.0.2.1", true},
		{[]string{"192.0.2.1/32"}, KernelNetlink, "192.0.2.1", true},
		{[]string{"192.0.2.1/32[udp/5437]"}, KernelNetlink, "192.0.2.1", false}, // data
		{[]string{"192.0.2.1/32[udp/4000-5436]"}, KernelNetlink, "192.0.2.1", false},
		{[]string{"192.0.2.1/32[tcp/5436]"}, KernelNetlink, "192.0.2.1", false},
		{[]string{"192.0.2.1/32[135]"}, KernelNetlink, "192.0.2.1", false},
		{[]string{"192.0.2.0/24[udp/5436]"}, KernelNetlink, "", false},
		{[]string{"2001:db8::/64[135]"}, KernelNetlink, "", false},
		{[]string{"2001:db8::1/128[135]", "2001:db8::2/128[135]"}, KernelNetlink, "", false},
		{[]string{"dynamic"}, KernelNetlink, "", false},
		{nil, KernelNetlink, "", false},
	} {
		address, ok := parseSelector(c.selectors, c.plugin)
		if ok != c.mobilityHeader || address.IsValid() != (c.address != "") || address.IsValid() && address.String() != c.address {
			t.Errorf("%v with %s: %v %v", c.selectors, c.plugin, address, ok)
		}
	}
}

func TestAlgorithm(t *testing.T) {
	for want, sa := range map[string]childSA{
		"AES_GCM_16-128":                   {EncrAlg: "AES_GCM_16", EncrKeysize: "128"},
		"AES_CBC-128/HMAC_SHA2_256_128":    {EncrAlg: "AES_CBC", EncrKeysize: "128", IntegAlg: "HMAC_SHA2_256_128"},
		"CHACHA20_POLY1305":                {EncrAlg: "CHACHA20_POLY1305"},
		"HMAC_SHA2_256_128":                {IntegAlg: "HMAC_SHA2_256_128"},
		"CAMELLIA_CBC-256/AES_XCBC_96-128": {EncrAlg: "CAMELLIA_CBC", EncrKeysize: "256", IntegAlg: "AES_XCBC_96-128"},
	} {
		if got := sa.algorithm(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestDurationsForCharon(t *testing.T) {
	for d, want := range map[time.Duration]string{time.Second: "1s", 1500 * time.Millisecond: "2s", time.Hour: "3600s"} {
		if got := seconds(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
