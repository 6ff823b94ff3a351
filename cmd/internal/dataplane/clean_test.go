package dataplane

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"netlmm/cmd/internal/daemon"
	"netlmm/internal/netnstest"
	"netlmm/mobility/forwarding"
)

// TestMain runs in a network namespace of its own, where things are cleaned up.
func TestMain(m *testing.M) {
	netnstest.Main(m, func() error { return netnstest.Commands("ip link set lo up") })
}

// What stands is not taken away beside the daemon whose it may be, even if nothing tells any more whose it is.
func TestCleanBesideTheOtherDaemon(t *testing.T) {
	for role, other := range map[forwarding.Role]string{forwarding.Gateway: "lmad", forwarding.Anchor: "magd"} {
		if err := netnstest.Command("ip -6 route add blackhole 2001:db8:1000::/40 proto 213"); err != nil {
			t.Fatal(err)
		}
		running, err := daemon.Lock(other)
		if err != nil {
			t.Fatal(err)
		}
		removed, err := Clean(role)()
		out, _ := exec.Command("ip", "-6", "route", "show", "proto", "213").Output()
		if kept := daemon.Kept(""); !errors.As(err, &kept) || !strings.Contains(string(kept), "of "+other+": it runs") || len(removed) > 0 || len(out) == 0 {
			t.Errorf("beside %s: removed %q, error %v, left %q", other, removed, err, out)
		}
		running.Close()
		if removed, err = Clean(role)(); err != nil || strings.Join(removed, "; ") != "1 route" {
			t.Errorf("without %s: removed %q, error %v", other, removed, err)
		}
	}
}

// What stands of the other role is told.
func TestCleanOfTheOtherRole(t *testing.T) {
	if err := netnstest.Commands("ip -6 rule add pref 17 from fe80::/10 lookup main proto 213", "ip -6 rule add pref 20 lookup local proto 213"); err != nil {
		t.Fatal(err)
	}
	if removed, err := Clean(forwarding.Anchor)(); !errors.As(err, new(daemon.Kept)) || !strings.Contains(err.Error(), "magd --clean") || len(removed) > 0 {
		t.Errorf("for an anchor: removed %q, error %v", removed, err)
	}
	if removed, err := Clean(forwarding.Gateway)(); err != nil || strings.Join(removed, "; ") != "2 rules" {
		t.Errorf("for a gateway: removed %q, error %v", removed, err)
	}
}
