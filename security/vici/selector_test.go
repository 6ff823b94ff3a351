package vici

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"netlmm/security"
)

// Only selectors of one host that cover every Mobility Header type count (kernel.md section 3), and to libipsec these look
// like "no next header" (section 4). Of MIH they cover port 4551 over UDP, and all of TCP.
func TestParseSelectors(t *testing.T) {
	const (
		mh, udp, tcp = security.MobilityHeaders, security.MIHOverUDP, security.MIHOverTCP
		all          = mh | udp | tcp
	)
	for _, c := range []struct {
		selectors []string
		plugin    string
		address   string // "" when invalid
		covers    security.Traffic
	}{
		{[]string{"2001:db8::1/128[mobility-header]"}, KernelNetlink, "2001:db8::1", mh},
		{[]string{"2001:db8::1/128[135]"}, KernelNetlink, "2001:db8::1", mh},
		{[]string{"2001:db8::1/128"}, KernelNetlink, "2001:db8::1", all},
		{[]string{"2001:db8::1/128"}, KernelLibipsec, "2001:db8::1", all},
		{[]string{"2001:db8::1/128[ipv6-nonxt]"}, KernelLibipsec, "2001:db8::1", mh},
		{[]string{"2001:db8::1/128[59]"}, KernelLibipsec, "2001:db8::1", mh},
		{[]string{"2001:db8::1/128[135]"}, KernelLibipsec, "2001:db8::1", 0},
		{[]string{"2001:db8::1/128[ipv6-nonxt]"}, KernelNetlink, "2001:db8::1", 0},
		{[]string{"2001:db8::1/128[mobility-header/1280]"}, KernelNetlink, "2001:db8::1", 0}, // type 5 only
		{[]string{"2001:db8::1/128[udp/5436]"}, KernelNetlink, "2001:db8::1", 0},
		{[]string{"192.0.2.1/32[udp/5436]"}, KernelNetlink, "192.0.2.1", mh},
		{[]string{"192.0.2.1/32[udp/5436]"}, KernelLibipsec, "192.0.2.1", mh},
		{[]string{"192.0.2.1/32[17/pmip6-cntl]"}, KernelNetlink, "192.0.2.1", mh},
		{[]string{"192.0.2.1/32[udp]"}, KernelNetlink, "192.0.2.1", mh | udp},
		{[]string{"192.0.2.1/32"}, KernelNetlink, "192.0.2.1", all},
		{[]string{"192.0.2.1/32[udp/5437]"}, KernelNetlink, "192.0.2.1", 0}, // data
		{[]string{"192.0.2.1/32[udp/4000-5436]"}, KernelNetlink, "192.0.2.1", 0},
		{[]string{"192.0.2.1/32[tcp/5436]"}, KernelNetlink, "192.0.2.1", 0},
		{[]string{"192.0.2.1/32[135]"}, KernelNetlink, "192.0.2.1", 0},
		{[]string{"192.0.2.0/24[udp/5436]"}, KernelNetlink, "", 0},
		{[]string{"2001:db8::/64[135]"}, KernelNetlink, "", 0},
		{[]string{"2001:db8::1/128[135]", "2001:db8::2/128[135]"}, KernelNetlink, "", 0},
		{[]string{"dynamic"}, KernelNetlink, "", 0},
		{nil, KernelNetlink, "", 0},

		{[]string{"2001:db8::1/128[udp/4551]"}, KernelNetlink, "2001:db8::1", udp},
		{[]string{"2001:db8::1/128[17/ieee-mih]"}, KernelLibipsec, "2001:db8::1", udp},
		{[]string{"2001:db8::1/128[udp]"}, KernelLibipsec, "2001:db8::1", udp},
		{[]string{"2001:db8::1/128[udp/4552]"}, KernelNetlink, "2001:db8::1", 0},
		{[]string{"192.0.2.1/32[udp/4551]"}, KernelLibipsec, "192.0.2.1", udp},
		{[]string{"2001:db8::1/128[tcp]"}, KernelNetlink, "2001:db8::1", tcp},
		{[]string{"192.0.2.1/32[6]"}, KernelLibipsec, "192.0.2.1", tcp},
		{[]string{"2001:db8::1/128[tcp/4551]"}, KernelNetlink, "2001:db8::1", 0}, // who connects has another port
		{[]string{"2001:db8::1/128[mobility-header]", "2001:db8::1/128[udp/4551]", "2001:db8::1/128[tcp]"}, KernelNetlink, "2001:db8::1", all},
		{[]string{"2001:db8::1/128[udp/4551]", "2001:db8::1/128[tcp]"}, KernelNetlink, "2001:db8::1", udp | tcp},
		{[]string{"192.0.2.1/32[udp/5436]", "192.0.2.1/32[udp/4551]", "192.0.2.1/32[tcp]"}, KernelNetlink, "192.0.2.1", all},
		{[]string{"2001:db8::1/128[135]", "2001:db8::/64[tcp]"}, KernelNetlink, "", 0},
	} {
		address, covers := parseSelectors(c.selectors, c.plugin)
		if covers != c.covers || address.IsValid() != (c.address != "") || address.IsValid() && address.String() != c.address {
			t.Errorf("%v with %s: %v %v", c.selectors, c.plugin, address, covers)
		}
	}
}

// A CHILD_SA is the product of both ends' selectors: covered is what both have.
func TestSelectorsOfBothEnds(t *testing.T) {
	wide, narrow := []string{"2001:db8::1/128[135]", "2001:db8::1/128[udp/4551]", "2001:db8::1/128[tcp]"}, []string{"2001:db8::2/128[135]", "2001:db8::2/128[tcp]"}
	if local, remote, covers := between(wide, narrow, KernelNetlink); local.String() != "2001:db8::1" || remote.String() != "2001:db8::2" ||
		covers != security.MobilityHeaders|security.MIHOverTCP {
		t.Errorf("%v %v %v", local, remote, covers)
	}
	if _, _, covers := between(wide, []string{"2001:db8::/64"}, KernelNetlink); covers != 0 {
		t.Errorf("a network at the other end: %v", covers)
	}
}

// What netlmm loads it also finds complete when charon lists it.
func TestSelectorsThatAreLoaded(t *testing.T) {
	for _, c := range []struct {
		address, plugin string
		want            []string
	}{
		{"2001:db8::1", KernelNetlink, []string{"2001:db8::1/128[135]", "2001:db8::1/128[udp/4551]", "2001:db8::1/128[tcp]"}},
		{"2001:db8::1", KernelLibipsec, []string{"2001:db8::1/128[59]", "2001:db8::1/128[udp/4551]", "2001:db8::1/128[tcp]"}},
		{"192.0.2.1", KernelNetlink, []string{"192.0.2.1/32[udp/5436]", "192.0.2.1/32[udp/4551]", "192.0.2.1/32[tcp]"}},
	} {
		address := netip.MustParseAddr(c.address)
		got := ConnectionConfig{RemoteAddress: address}.selectors(address, c.plugin)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s with %s: %v", c.address, c.plugin, got)
		}
		if _, covers := parseSelectors(got, c.plugin); covers != security.MobilityHeaders|security.MIH {
			t.Errorf("%s with %s covers %v", c.address, c.plugin, covers)
		}
	}
}

// The operator's examples cover what the daemons want: everything between gateways and anchors, MIH with an access point.
func TestSelectorsOfTheExamples(t *testing.T) {
	selectors := regexp.MustCompile(`(?m)^ +(?:local|remote)_ts = (.*)$`)
	for name, want := range map[string]security.Traffic{"magd": security.MobilityHeaders | security.MIH, "lmad": security.MobilityHeaders | security.MIH, "mihd": security.MIH} {
		text, err := os.ReadFile("../../configs/examples/" + name + "-swanctl.conf")
		if err != nil {
			t.Fatal(err)
		}
		found := selectors.FindAllSubmatch(text, -1)
		for _, match := range found {
			if address, covers := parseSelectors(strings.Split(string(match[1]), ", "), KernelNetlink); !address.IsValid() || covers != want {
				t.Errorf("%s-swanctl.conf: %s covers %v", name, match[1], covers)
			}
		}
		if len(found) < 2 {
			t.Errorf("%s-swanctl.conf has %d selectors", name, len(found))
		}
	}
}
