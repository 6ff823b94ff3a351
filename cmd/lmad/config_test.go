package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/ipsec"
)

// accepted gives a good configuration to everything that is made from it without touching the system.
func accepted(c *configs.Lmad) error {
	_, err := lma.New(coreConfig(c, func(netip.Addr, string) bool { return true }))
	if err != nil {
		return err
	}
	var peers []security.Peer
	for _, gateway := range c.MAGs {
		peers = append(peers, gateway.Peer)
	}
	if _, err := ipsec.New(ipsec.Config{Peers: peers, RetryInitial: c.BackoffFirst, RetryMax: c.BackoffLongest}); err != nil {
		return err
	}
	_, err = filter.New(filter.Config{Mode: filter.XFRM, Table: "netlmm", Device: c.IPsecDevice})
	return err
}

func TestTheMachinesAcceptTheExample(t *testing.T) {
	c, err := configs.LoadLmad("../../configs/examples/lmad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := accepted(c); err != nil {
		t.Error(err)
	}
}

// TestWhatConfigsAcceptsTheMachinesAccept: `lmad --check` says good of nothing that lmad would refuse afterwards.
func TestWhatConfigsAcceptsTheMachinesAccept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lmad.yaml")
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		pick := chooser(t)
		text := fmt.Sprintf(`
lma:
  address: %q
  pools: [%q, %q]
  prefix_length: %s
  min_delay_before_bce_delete: %s
  max_delay_before_new_bce_assign: %s
  maximum_lifetime: %s
  maximum_bindings: %s
  ipv4_pools: [{network: %s, default_router: %q}, {network: %s}]
  bri_max_retries_number: %s
  init_min_delay_bris: %s
  max_brack_timeout: %s
policy: {mobile_nodes: [{nai: a@b, ipv4_home_address: %s}]}
mags: [{address: "2001:db8:f0::1", identity: mag1, managed_by: swanctl}, {address: %q, identity: mag2, managed_by: swanctl}]
security: {mode: ipsec, ipsec_device: %s, initiate_backoff_first: %s}
`,
			pick("address", "2001:db8:f0::ff", "2001:db8:f0::f0", "::", "fe80::1", "::ffff:192.0.2.1"),
			pick("pool", "2001:db8:1000::/40", "2001:dba::/64", "2001:dba::/48"), pick("other pool", "2001:dbb::/32", "3e00::/16", "3e00::/12", "ff00::/40", "::/0", "2001:db8:1000::/48"),
			pick("length", "64", "60", "48", "1", "0", "65"), pick("min", "10s", "1ms", "0s"), pick("max", "1500ms", "1m", "-1s"),
			pick("lifetime", "1h", "4s", "3s", "72h49m", "80h"), pick("bindings", "100000", "1", "16777216", "0", "-5"),
			pick("IPv4 pool", "10.64.0.0/16", "10.0.0.0/8", "10.0.0.0/7", "10.64.0.0/30", "10.64.0.0/31", "224.0.0.0/8"),
			pick("router", "10.64.0.2", "10.64.0.0", "10.64.0.3", "10.65.0.1"), pick("other IPv4 pool", "10.66.0.0/24", "10.64.3.0/24"),
			pick("retries", "1", "10", "0"), pick("first BRI", "1s", "500ms", "100ms"), pick("last BRI", "2s", "500ms", "1m", "2m"),
			pick("static", "10.67.0.9/16", "10.67.0.9/31", "10.67.0.1/16", "10.67.0.9/7", "10.64.0.9/16"),
			pick("second MAG", "2001:db8:f0::2", "2001:db8:f0::3", "2001:db8:f0::1", "2001:db8:f0::ff"),
			pick("device", "ipsec0", "abcdefghijklmno", "abcdefghijklmnop"), pick("first", "200ms", "5s", "6s"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := configs.LoadLmad(file)
		if err != nil {
			return
		}
		good++
		if err := accepted(c); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	})
	if good == 0 {
		t.Error("not one configuration was good, so that nothing was tested")
	}
}

// chooser returns a function that yields the first of its values, which is a good one; in a few of the places any of them.
func chooser(t *rapid.T) func(place string, values ...string) string {
	adventures := rapid.SliceOfN(rapid.IntRange(0, 19), 0, 4).Draw(t, "places")
	place := 0
	return func(name string, values ...string) string {
		place++
		if !slices.Contains(adventures, place-1) {
			return values[0]
		}
		return rapid.SampledFrom(values).Draw(t, name)
	}
}

// RFC 6909 section 4: off unless the configuration says otherwise, and then by the profiles of the mobile nodes.
func TestOffloadIsAsConfigured(t *testing.T) {
	offload, err := mobility.NewOffloadPolicy(mobility.OffloadMatching, mobility.TrafficSelector{})
	if err != nil {
		t.Fatal(err)
	}
	for _, enabled := range []bool{false, true} {
		c := coreConfig(&configs.Lmad{EnableIPv4TrafficOffloadSupport: enabled, Fallback: &mobility.Profile{OffloadPolicy: offload}}, nil)
		if p, _ := c.Profile(mobility.NAI("a@x")); c.EnableIPv4TrafficOffloadSupport != enabled || p.OffloadPolicy != offload {
			t.Errorf("enabled %v, want %v; %+v", c.EnableIPv4TrafficOffloadSupport, enabled, p)
		}
	}
}
