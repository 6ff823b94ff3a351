package kernel

import (
	"net/netip"
	"strings"
	"testing"

	"netlmm/mobility"
)

// redirects is how many ICMPv6 and how many ICMP redirects left the namespace.
func (s space) redirects() (ipv6, ipv4 string) {
	s.t.Helper()
	ipv6 = s.sh(`awk '$1 == "Icmp6OutRedirects" { print $2 }' /proc/net/snmp6`)
	ipv4 = s.sh(`awk '$1 == "Icmp:" { for (i = 1; i <= NF; i++) if ($i == "OutRedirects") at = i; value = $at } END { print value }' /proc/net/snmp`)
	return strings.TrimSpace(ipv6), strings.TrimSpace(ipv4)
}

// sharedDual is shared with IPv4, and with local routing for both mobile nodes.
func sharedDual(t *testing.T) *domain {
	t.Helper()
	d := newDualDomain(t)
	d.mag1.sh("ip link add acc3 address 02:00:5e:00:53:03 type bridge mcast_snooping 0; ip link set acc3 up" +
		"; ip addr add " + magLL + "/64 dev acc3 nodad; ip addr add " + router4 + "/32 dev acc3")
	d.mag1.cfg.AccessInterfaces = append(d.mag1.cfg.AccessInterfaces, "acc3")
	d.mag1.sh("sysctl -qw net.ipv4.conf.core0.send_redirects=0")
	d.start()
	if got := strings.TrimSpace(d.mag1.sh("sysctl -n net.ipv4.conf.core0.send_redirects")); got != "1" {
		t.Errorf("the uplink sent redirects because all interfaces did, and now does not: %s", got)
	}
	d.mag1.sh("sysctl -qw net.ipv4.conf.acc3.send_redirects=0") // as package accesslink does with the first default router
	d.plug(d.mn1, "port1", "fe80::5")
	d.plug(d.mn2, "port2", "fe80::6")
	d.shareDual(d.mn1, hnp1, mn1Addr, mn1Home)
	d.shareDual(d.mn2, hnp2, mn2Addr, mn2Home)
	return d
}

// shareDual binds both addresses of a mobile node on the link that both nodes are on.
func (d *domain) shareDual(mn space, hnp, addr, home string) {
	d.t.Helper()
	d.attachDual(mn, hnp, addr, home, "acc1", d.mag1, true)
	for _, p := range []string{hnp, home + "/32"} {
		e, _ := d.mag1.state.Get(netip.MustParsePrefix(p))
		e.Interface, e.MobileNodeLinkLayerID = "acc3", mobility.LinkLayerID(mn.mac("eth0"))
		d.mag1.state.Set(e)
	}
	d.mag1.sync()
	mn.sh("ip addr flush scope global; ip -6 route flush default; ip addr add " + addr + "/64 dev eth0 nodad; ip -6 route add default via " + magLL + " dev eth0" +
		"; ip addr add " + home + "/32 dev eth0; ip route replace " + router4 + " dev eth0; ip route replace default via " + router4 + " dev eth0")
}

// RFC 5213 section 6.9.3 has each mobile node alone with its gateway: two on one link that the gateway forwards between, each
// packet leaving by the link it came from (section 6.10.3), hear nothing of a shorter way.
func TestNoRedirectBetweenMobileNodesOfOneLink(t *testing.T) {
	t.Parallel()
	d := sharedDual(t)
	exchange := func(targets ...string) {
		t.Helper()
		for _, to := range targets {
			d.mn1.reaches(to)
			d.mn1.sh("ping -n -c 3 -i 0.3 -W 5 " + to)
		}
	}
	exchange(mn2Addr, mn2Home)
	if ipv6, ipv4 := d.mag1.redirects(); ipv6 != "0" || ipv4 != "0" {
		t.Errorf("%s ICMPv6 and %s ICMP redirects left", ipv6, ipv4)
	}
	if out := d.mn1.sh("ip -6 route show cache; ip -4 route show cache"); strings.Contains(out, "redirect") {
		t.Errorf("what the mobile node learnt:\n%s", out)
	}
	// That there would be some: a link that is left as it is, and mobile nodes without next hops of their own.
	d.mag1.sh("sysctl -qw net.ipv4.conf.acc3.send_redirects=1")
	for _, hnp := range []string{hnp1, hnp2} {
		d.mag1.sh("for t in $(ip -6 route show table all | sed -n 's,^" + hnp + " via fe80:.* dev acc3 table \\([0-9]*\\).*,\\1,p'); " +
			"do ip -6 route replace " + hnp + " dev acc3 table $t proto 213 metric 213; done")
	}
	exchange(mn2Addr, mn2Home)
	if ipv6, ipv4 := d.mag1.redirects(); ipv6 == "0" || ipv4 == "0" {
		t.Errorf("%s ICMPv6 and %s ICMP redirects left where nothing keeps them in: this test would see none", ipv6, ipv4)
	}
}
