package kernel

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"netlmm/mobility/forwarding"
)

// clean calls Clean in the namespace.
func (s space) clean(role forwarding.Role) []string {
	s.t.Helper()
	var removed []string
	var err error
	s.run(func() { removed, err = Clean(role) })
	if err != nil {
		s.t.Errorf("Clean in %s: %v", s.name, err)
	}
	return removed
}

// What a daemon leaves to go on forwarding, Clean takes away: also when the uplink is gone, also after a part was lost, and nothing of others'.
func TestCleanTakesAwayWhatADaemonLeft(t *testing.T) {
	d := newDomain(t)
	routers := []*router{d.lma, d.mag1}
	for _, r := range routers {
		r.foreign()
		r.sh("sysctl -qw net.ipv6.conf.all.forwarding=1; nft add table inet others; nft add table inet netlmm_other; ip -6 neigh add 2001:db8:c::99 lladdr 2:0:0:0:0:9 dev core0 nud permanent")
	}
	before := []string{d.lma.snapshot(), d.mag1.snapshot()}
	// The last one leaves a gateway no rule that an anchor would not have.
	damage := []string{"true", "ip -6 rule del pref 12 2>/dev/null || true; ip nexthop flush protocol 213; nft flush chain inet netlmm_sources " + senderChain + " 2>/dev/null || true",
		"for p in 17 18 19 21 22 23 24 25 26 27; do for v in 4 6; do while ip -$v rule del pref $p 2>/dev/null; do :; done; done; done"}
	for _, harm := range damage {
		d.start()
		d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
		d.mn1.reaches(cnAddr)
		for _, r := range []*router{d.lma, d.mag1, d.mag2} {
			if err := r.kernel.Close(true); err != nil {
				t.Fatal(err)
			}
		}
		d.mn1.reaches(cnAddr)
		for i, r := range routers {
			r.sh(harm)
			standing := r.snapshot()
			r.run(func() {
				if removed, err := Clean(otherRole(r.cfg.Role)); !errors.Is(err, ErrOtherRole) || len(removed) > 0 {
					t.Errorf("%s cleaned in the other role: removed %q, error %v", r.name, removed, err)
				}
			})
			if diff := cmp.Diff(standing, r.snapshot()); diff != "" {
				t.Errorf("%s cleaned in the other role (-before +after):\n%s", r.name, diff)
			}
			removed := r.clean(r.cfg.Role)
			for _, what := range []string{"rules", "route"} {
				if !slices.ContainsFunc(removed, func(line string) bool { return strings.Contains(line, what) }) {
					t.Errorf("%s removed %q, and does not tell of any %s", r.name, removed, what)
				}
			}
			if diff := cmp.Diff(before[i], r.snapshot()); diff != "" {
				t.Errorf("%s after Clean (-before +after):\n%s", r.name, diff)
			}
			if again := r.clean(r.cfg.Role); len(again) > 0 {
				t.Errorf("%s removed %q the second time", r.name, again)
			}
		}
	}
}

// Where nothing of ours stands nothing changes, not even a lookup of table local that somebody else moved.
func TestCleanLeavesAForeignNamespaceAlone(t *testing.T) {
	s := newLab(t, "r").space("r")
	s.sh("ip -6 rule add pref 5 lookup local; ip -6 rule del pref 0; ip rule add pref 5 lookup local; ip rule del pref 0; ip -6 rule add pref 50 ipproto 135 lookup 4135")
	before := s.snapshot() + s.sh("ip rule")
	for _, role := range []forwarding.Role{forwarding.Anchor, forwarding.Gateway} {
		if removed := s.clean(role); len(removed) > 0 {
			t.Errorf("role %d: removed %q", role, removed)
		}
		if diff := cmp.Diff(before, s.snapshot()+s.sh("ip rule")); diff != "" {
			t.Errorf("role %d (-before +after):\n%s", role, diff)
		}
	}
}

// A lookup of table local that somebody moved in the one IP version stays where it is when ours of the other one goes.
func TestCleanLeavesAMovedLookupOfTheOtherVersionAlone(t *testing.T) {
	for _, ours := range []string{"-6", "-4"} {
		s := newLab(t, "r").space("r")
		others := map[string]string{"-6": "-4", "-4": "-6"}[ours]
		s.sh("ip " + others + " rule add pref 5 lookup local; ip " + others + " rule del pref 0; ip " + ours + " rule add pref 20 lookup local proto 213; ip " + ours + " rule del pref 0")
		before := s.sh("ip " + others + " rule")
		if removed := s.clean(forwarding.Anchor); !slices.Equal(removed, []string{"1 rule"}) {
			t.Errorf("removed %q", removed)
		}
		if diff := cmp.Diff(before, s.sh("ip "+others+" rule")); diff != "" {
			t.Errorf("ip %s rule (-before +after):\n%s", others, diff)
		}
		if out := s.sh("ip " + ours + " rule"); !strings.HasPrefix(out, "0:\tfrom all lookup local") {
			t.Errorf("ip %s rule:\n%s", ours, out)
		}
	}
}
