package nd

import (
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"netlmm/internal/netnstest"
)

func run(t *testing.T, lines ...string) {
	t.Helper()
	if err := netnstest.Commands(lines...); err != nil {
		t.Fatal(err)
	}
}

// lab is a link to a host, which is another kernel's network in a namespace of that name; the gateway's end is acc0.
func lab(t *testing.T, host string) {
	t.Helper()
	run(t, "ip netns add "+host, "ip link add acc0 type veth peer name eth0 netns "+host,
		"ip netns exec "+host+" ip link set lo up", "ip netns exec "+host+" ip link set eth0 address 02:00:00:00:00:01",
		"ip link set acc0 up", "ip addr add 192.0.2.1/24 dev acc0")
	t.Cleanup(func() { run(t, "ip link del acc0", "ip netns del "+host) })
}

// realConfig has probes so far apart that a host which detects duplicates, and answers nobody meanwhile, is not given up.
func realConfig() Config {
	return Config{Links: []Link{{Interface: "acc0", IdleTime: 300 * time.Millisecond, ProbeInterval: time.Second}}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// TestRealHost: the kernel's own duplicate address detection and solicitations are what it is seen by, and its answers keep it.
func TestRealHost(t *testing.T) {
	lab(t, "nd-host")
	r := start(t, realConfig())
	run(t, "ip netns exec nd-host ip link set eth0 up")
	eventually(t, "the host has come", func() bool { return r.Status().Peers[0].Stations == 1 })
	answered := r.Status().Counters["probes"] + 5
	eventually(t, "it is asked now and then", func() bool { return r.Status().Counters["probes"] >= answered })
	if c := r.Status().Counters; c["unreachable"] != 0 {
		t.Errorf("a host that answers is given up: %v", c)
	}
	r.expectKinds("Up 01")
	run(t, "ip netns exec nd-host ip link set eth0 down", "ip netns exec nd-host ip link set eth0 address 02:00:00:00:00:02", "ip netns exec nd-host ip link set eth0 up")
	r.expectKinds("Down 01", "Up 01", "Up 02") // another host, and the first one is gone
}

// TestRealHostWithIPv4Alone is seen by DHCP and ARP, and asked by ARP.
func TestRealHostWithIPv4Alone(t *testing.T) {
	lab(t, "nd-four")
	r := start(t, realConfig())
	run(t, "ip netns exec nd-four sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1", "ip netns exec nd-four ip link set eth0 up")
	if err := netnstest.Command("ip netns exec nd-four udhcpc -f -q -n -t 2 -T 1 -i eth0 -s /bin/true"); err == nil {
		t.Fatal("there is a DHCP server that should not be")
	}
	eventually(t, "the host has come", func() bool { return r.Status().Counters["heard"] > 0 })
	r.expectKinds("Up 01")
	run(t, "ip netns exec nd-four ip addr add 192.0.2.7/24 dev eth0")
	if err := netnstest.Command("ip netns exec nd-four ping -c 1 -W 5 192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is there", func() bool { return r.Status().Peers[0].Stations == 1 })
	probes := r.Status().Counters["probes"] + 5
	eventually(t, "it is asked now and then", func() bool { return r.Status().Counters["probes"] >= probes })
	if n := r.Status().Peers[0].Stations; n != 1 {
		t.Errorf("%d stations", n)
	}
	run(t, "ip netns exec nd-four ip link set eth0 down")
	eventually(t, "it is given up", func() bool { return r.Status().Peers[0].Stations == 0 })
}

// TestRealHostReturns: a kernel whose link is up again keeps its addresses, and says no more than which groups it listens to.
func TestRealHostReturns(t *testing.T) {
	lab(t, "nd-back")
	r := start(t, realConfig())
	run(t, "ip netns exec nd-back ip link set eth0 up")
	eventually(t, "the host has come", func() bool { return r.Status().Peers[0].Stations == 1 })
	eventually(t, "its addresses are its own", func() bool {
		return netnstest.Command("ip netns exec nd-back ping -c 1 -W 1 ff02::1%eth0") == nil
	})
	time.Sleep(againInterval) // what it says now is of another attachment
	r.mu.Lock()
	r.told = nil
	r.mu.Unlock()
	eventually(t, "it is said to have come again", func() bool {
		run(t, "ip link set acc0 down", "ip link set acc0 up")
		time.Sleep(4 * againInterval) // kernels wait before they believe a carrier; and what it says too soon is of the time before
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.Contains(r.told, "Up 01")
	})
}

// TestRealGatewayChangesItsAddress: hosts are asked from the address that it has.
func TestRealGatewayChangesItsAddress(t *testing.T) {
	lab(t, "nd-own")
	r := start(t, realConfig())
	run(t, "ip netns exec nd-own ip link set eth0 up")
	eventually(t, "the host has come", func() bool { return r.Status().Peers[0].Stations == 1 })
	run(t, "ip link set acc0 address 02:00:5e:ff:00:09")
	probes := r.Status().Counters["probes"] + 5*maximumProbes
	eventually(t, "it is asked now and then", func() bool {
		c := r.Status().Counters
		return c["probes"] >= probes || c["unreachable"] > 0
	})
	if c := r.Status().Counters; c["unreachable"] != 0 || c["opened"] != 1 {
		t.Errorf("a host that answers is given up: %v", c)
	}
}

// TestRealLinkGoesAway: down, deleted and made anew.
func TestRealLinkGoesAway(t *testing.T) {
	lab(t, "nd-away")
	r := start(t, realConfig())
	run(t, "ip netns exec nd-away ip link set eth0 up")
	eventually(t, "the host has come", func() bool { return r.Status().Peers[0].Stations == 1 })
	run(t, "ip link set acc0 down")
	eventually(t, "the loss is seen", func() bool { return !r.Status().Peers[0].Connected })
	eventually(t, "the host is given up", func() bool { return r.Status().Peers[0].Stations == 0 })
	run(t, "ip link del acc0", "ip link add acc0 type veth peer name eth0 netns nd-away", "ip link set acc0 up")
	eventually(t, "the link is heard", func() bool { return r.Status().Peers[0].Connected })
	run(t, "ip netns exec nd-away ip link set eth0 up")
	eventually(t, "a host has come", func() bool { return r.Status().Peers[0].Stations == 1 })
}

// expectKinds waits until this was told since the test began, in whatever number: kernels say several times that they have come.
func (r *running) expectKinds(want ...string) {
	r.t.Helper()
	var got []string
	defer func() {
		if r.t.Failed() {
			r.t.Logf("told %q, want %q; status %+v", got, want, r.Status())
		}
	}()
	eventually(r.t, "it was told", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		got = slices.Clone(r.told)
		slices.Sort(got)
		return slices.Equal(slices.Compact(got), want)
	})
}
