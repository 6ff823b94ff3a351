//go:build packages

package packaging

import (
	"os/exec"
	"strings"
	"testing"
)

// leftovers is what the daemons left in the kernel of a machine, told by their marks or, without one, by their form on access links.
func (c *container) leftovers(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, look := range []string{
		"ip -6 rule show | grep 'proto 213'", "ip -4 rule show | grep 'proto 213'",
		"ip -6 route show table all proto 213", "ip -4 route show table all proto 213", "ip nexthop show protocol 213",
		"ip -6 neigh show | grep 'proto 213'", "ip -br link | grep -E '^(pmtun|pmip[46]-|pm4)'",
		"ip -6 addr show | grep 'fe80::200:5eff:fe00:5213.* nodad'", "ip -o -4 addr show dev eth1 2>/dev/null | grep '/32 scope link'",
		"ip sr tunsrc show | grep -v 'tunsrc addr ::$'", "nft list tables | grep netlmm_",
	} {
		out, err := exec.Command("ip", "netns", "exec", c.tag, "sh", "-c", look).CombinedOutput()
		if failed, ok := err.(*exec.ExitError); err != nil && (!ok || failed.ExitCode() != 1) { // 1: grep found nothing
			t.Fatalf("%s: %s: %v\n%s", c.name, look, err, out)
		}
		all.Write(out)
	}
	return all.String()
}

// removal: what a daemon leaves standing when it stops goes with its package, and with nothing less; nothing of it is left.
func (s *site) removal(t *testing.T) {
	gateway := s.containers["mag2"]
	gateway.write(t, "/etc/netlmm/magd.yaml", strings.Replace(gateway.read(t, "/etc/netlmm/magd.yaml"), "mag:\n", "mag:\n  on_stop: keep\n", 1))
	gateway.run(t, "magd --check && systemctl restart netlmm-magd")
	await(t, "mag2 has its mobile node again", func() error {
		_, err := gateway.try("netlmmctl bindings | grep 'mn1@example.net.*registered'")
		return err
	})
	for _, of := range []struct{ host, daemon, leaves string }{
		{"lma", "lmad", "proto 213"}, {"mag2", "magd", "proto 213"}, {"mag1", "mihd", "netlmm_mihd"},
	} {
		c, unit := s.containers[of.host], "netlmm-"+of.daemon
		for _, where := range []string{"", " --config /nonexistent.yaml", "; rm /run/netlmm/" + of.daemon + ".sock; " + of.daemon + " --clean"} {
			if out, err := c.try(of.daemon + " --clean" + where); err == nil || !strings.Contains(out, of.daemon+" runs in this network namespace already") || strings.Contains(out, "removed") {
				t.Errorf("%s --clean%s beside the daemon: %v\n%s", of.daemon, where, err, out)
			}
		}
		c.run(t, "systemctl stop "+unit)
		standing := c.leftovers(t)
		if !strings.Contains(standing, of.leaves) {
			t.Errorf("%s leaves nothing for the next start:\n%s", of.daemon, standing)
		}
		// As in a chroot, which has the host's network.
		c.run(t, "unshare -m sh -c 'mount -t tmpfs none /run && sh /var/lib/dpkg/info/"+unit+".prerm remove'")
		if left := c.leftovers(t); left != standing {
			t.Errorf("the removal of %s without systemd took something away: before\n%s\nafter\n%s", unit, standing, left)
		}
		c.run(t, "systemctl start "+unit)
		if out := c.run(t, "apt-get remove -y "+unit); !strings.Contains(out, "removed nftables table inet netlmm_"+of.daemon) {
			t.Errorf("the removal of %s says\n%s", unit, out)
		}
		if left := c.leftovers(t); left != "" {
			t.Errorf("%s is removed, and this is left of it:\n%s", unit, left)
		}
		if _, err := c.try("ip -6 route get 2001:db8:f0::9 && ping -6 -c 1 -W 5 $(ip -6 -o addr show dev eth0 scope global | awk '{print $4; exit}' | cut -d/ -f1)"); err != nil {
			t.Errorf("%s without it: %v", c.name, err) // table local is looked up again
		}
	}
}
