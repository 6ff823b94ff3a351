package kernel

import (
	"strings"
	"testing"
)

// RFC 5213 section 6.9.5: where path MTU discovery fails, for instance because somebody filters ICMP, the configured value counts.
func TestConfiguredMTUWhereDiscoveryFails(t *testing.T) {
	t.Parallel()
	_, mag, _, mn := newNarrowDomain(t, "1400")
	mag.space.lab.space("rt").sh("nft add table ip6 filter; nft add chain ip6 filter output '{ type filter hook output priority 0; }'; nft add rule ip6 filter output icmpv6 type packet-too-big drop")
	mn.reaches(cnAddr)
	if out, err := mn.try("ping -6 -n -M do -c 3 -i 0.3 -W 1 -s 1412 " + cnAddr); err == nil || strings.Contains(out, "mtu") {
		t.Fatalf("a packet of more than the path carries is not lost without a word, so nothing is shown here:\n%s", out)
	}
	if err := mag.kernel.Close(true); err != nil {
		t.Fatal(err)
	}
	mag.cfg.TunnelMTU = 1360
	mag.start()
	if got := mag.kernel.TunnelMTU(); got != 1360 {
		t.Errorf("tunnel MTU %d, want the configured 1360", got)
	}
	if out, err := mn.try("ping -6 -n -M do -c 3 -i 0.3 -W 2 -s 1412 " + cnAddr); err == nil || !strings.Contains(out, "1360") {
		t.Errorf("a packet of more than the configured MTU is not answered with it:\n%s", out)
	}
	if out, err := mn.try("ping -6 -n -M do -c 3 -i 0.3 -W 2 -s 1312 " + cnAddr); err != nil {
		t.Errorf("a packet of 1360 octets does not get through:\n%s", out)
	}
	mn.reaches(cnAddr + " -s 8000")
}
