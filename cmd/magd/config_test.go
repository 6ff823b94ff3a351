package main

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/forwarding/hold"
	"netlmm/mobility/mag"
	"netlmm/security"
	"netlmm/security/filter"
	"netlmm/security/ipsec"
)

// accepted gives a good configuration to everything that is made from it without touching the system.
func accepted(c *configs.Magd) error {
	_, err := mag.New(coreConfig(c, func(netip.Addr, string) bool { return true }, func(mobility.MobileNodeID) bool { return true }))
	if err != nil {
		return err
	}
	sources := sourcesOf(c)
	sources.Log = slog.New(slog.DiscardHandler)
	if _, err := sources.Adapters(); err != nil {
		return err
	}
	var peers []security.Peer
	for _, l := range c.LMAs {
		peers = append(peers, l.Peer)
	}
	if _, err := ipsec.New(ipsec.Config{Peers: peers, RetryInitial: c.BackoffFirst, RetryMax: c.BackoffLongest}); err != nil {
		return err
	}
	_, err = filter.New(filter.Config{Mode: filter.XFRM, Table: "netlmm", Device: c.IPsecDevice})
	return err
}

func TestTheMachinesAcceptTheExample(t *testing.T) {
	c, err := configs.LoadMagd("../../configs/examples/magd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := accepted(c); err != nil {
		t.Error(err)
	}
}

// TestWhatConfigsAcceptsTheMachinesAccept: `magd --check` says good of nothing that magd would refuse afterwards.
func TestWhatConfigsAcceptsTheMachinesAccept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "magd.yaml")
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		pick := chooser(t)
		text := fmt.Sprintf(`
mag:
  proxy_care_of_address: %q
  lifetime: %s
  re_registration_margin: %s
  initial_bindack_timeout: %s
  max_bindack_timeout: %s
  presence_timeout: %s
  router_lifetime: %s
  maximum_mobile_nodes: %s
lmas: [{address: "2001:db8:f0::ff", identity: lma, managed_by: swanctl}, {address: %q, identity: lma2, managed_by: swanctl}]
access_links: [{interface: acc0}, {interface: %s}]
adapters:
  hostapd: [{control_socket: /run/hostapd/wlan0, interface: acc0}, {control_socket: %s, interface: acc0, signal_poll_interval: %s, going_down_threshold: %s}]
  ciscosyslog: {listen: "[::]:514", sources: [{address: %q, interface: acc0}]}
security: {mode: ipsec, ipsec_device: %s, initiate_backoff_first: %s}
`,
			pick("address", "2001:db8:f0::1", "2001:db8:f0::5", "::1", "ff02::1"),
			pick("lifetime", "5m", "1h", "3s", "4s", "72h49m", "73h"), pick("margin", "30s", "1s", "3s", "4m", "0s"),
			pick("initial", "1s", "10ms", "1m", "0s"), pick("max", "32s", "1h", "1s"), pick("presence", "1s", "10ms", "0s"),
			pick("router", "30m", "4s", "9000s", "10h"), pick("nodes", "10000", "1", "65535", "65536", "0", "-1"),
			pick("second LMA", "2001:db8:f0::fe", "2001:db8:f0::fd", "2001:db8:f0::ff", "2001:db8:f0::1"),
			pick("link", "acc1", "abcdefghijklmno", "abcdefghijklmnop", "acc0"),
			pick("socket", "/run/hostapd/wlan1", "/run/hostapd/wlan2", "/run/hostapd/wlan0"),
			pick("poll", "1s", "0s"), pick("threshold", "-75", "0"),
			pick("source", "192.0.2.1", "2001:db8::/32", "0.0.0.0/0"), pick("device", "ipsec0", "abcdefghijklmnop"), pick("first", "200ms", "5s", "6s"))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := configs.LoadMagd(file)
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

// Packets are held only where handovers are prepared or asked for, within the bounds of the configuration.
func TestWhatIsHeld(t *testing.T) {
	c := &configs.Magd{Handover: configs.Handover{BufferPackets: 512, BufferOctets: 1 << 20, BufferTotalOctets: 64 << 20, HoldTime: 2 * time.Second}}
	if where(c).Holding.Wanted {
		t.Error("held although handovers are off")
	}
	c.Handover.Reactive = true
	got := where(c).Holding
	if want := (hold.Limits{NodePackets: 512, NodeOctets: 1 << 20, Packets: 1 << 18, Octets: 64 << 20, Age: 2 * time.Second}); !got.Wanted || got.Limits != want || got.Table == "" {
		t.Errorf("%+v", got)
	}
}
