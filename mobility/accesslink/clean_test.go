package accesslink

import (
	"slices"
	"strings"
	"testing"

	"netlmm/mobility"
)

// What a run that ended without a word left on its interface goes; what Linux, or somebody, puts there stays.
func TestCleanGivesTheInterfaceBack(t *testing.T) {
	mag := newSpace(t)
	access := mag.newAccess()
	mag.ip("addr add 192.0.2.1/24 dev " + access)
	mag.ip("addr add 2001:db8::1/64 dev " + access + " nodad")
	mag.ip("link set " + access + " up")
	byHand := []string{"addr add 192.0.2.7/32 scope link dev " + access, "neigh add 192.0.2.9 lladdr 2:0:0:0:0:9 nud permanent dev " + access}
	for _, line := range byHand {
		mag.ip(line)
	}
	clean := func() (removed []string) {
		mag.do(func() (err error) {
			removed, err = Clean(access, mobility.FixedMAGLinkLocalAddress)
			return err
		})
		return removed
	}
	if removed := clean(); len(removed) > 0 {
		t.Errorf("removed %q before anything was ours", removed)
	}
	for _, line := range byHand { // which succeeds as long as both are there
		mag.ip(strings.Replace(line, " add ", " del ", 1))
	}
	s := newStation(t, mag)
	s.plug(mag, access)
	l := openWith(t, mag, Config{Interface: access, DHCPv4: true})
	mag.do(func() error { return l.Offer(s.offer()) })
	l.Close()
	held := mag.ip("addr show dev "+access) + mag.ip("neigh show dev "+access)
	for _, ours := range []string{"10.64.0.1/32", mobility.FixedMAGLinkLocalAddress.String(), "10.64.0.9 lladdr"} {
		if !strings.Contains(held, ours) {
			t.Fatalf("a run that ended did not leave %s:\n%s", ours, held)
		}
	}
	mag.sysctl("net/ipv6/conf/"+access+"/dad_transmits", "100") // so that one which Linux makes is told from ours
	removed := strings.Join(clean(), "\n")
	lines := strings.Split(mag.ip("addr show dev "+access)+mag.ip("neigh show nud permanent dev "+access), "\n")
	held = strings.Join(slices.DeleteFunc(lines, func(line string) bool { // Linux makes the same one of the link-layer address
		return strings.Contains(line, mobility.FixedMAGLinkLocalAddress.String()) && strings.Contains(line, " tentative")
	}), "\n")
	for _, ours := range []string{"10.64.0.1", mobility.FixedMAGLinkLocalAddress.String(), "10.64.0.9"} {
		if strings.Contains(held, ours) || !strings.Contains(removed, ours) {
			t.Errorf("%s: removed\n%s\nthere is\n%s", ours, removed, held)
		}
	}
	for _, others := range []string{"192.0.2.1/24", "2001:db8::1/64"} {
		if !strings.Contains(held, others) {
			t.Errorf("%s went:\n%s", others, held)
		}
	}
	if mode, usual := mag.readSysctl("net/ipv6/conf/"+access+"/addr_gen_mode"), mag.readSysctl("net/ipv6/conf/default/addr_gen_mode"); mode != usual {
		t.Errorf("addr_gen_mode %s, of a new interface %s", mode, usual)
	}
	if again := clean(); len(again) > 0 {
		t.Errorf("removed %q the second time", again)
	}
	mag.ip("link del " + access)
	if removed := clean(); len(removed) > 0 {
		t.Errorf("removed %q of an interface that is gone", removed)
	}
}
