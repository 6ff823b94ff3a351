package configs

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// finding is a gateway that finds MIH Functions, and has none in its configuration.
const finding = `
mag: {proxy_care_of_address: "2001:db8:f0::11"}
lmas: [{name: lma, address: "2001:db8:f0::ff", identity: lma, managed_by: swanctl}]
mih: {discovery: {dns_domain: example.net., dhcp: v6, interface: eth0}}
access_links: [{interface: acc0}]
adapters: {hostapd: [{control_socket: /run/hostapd/wlan0, interface: acc0}]}
security: {mode: ipsec, peers: [{name: info, address: "2001:db8:f0::9", identity: info, managed_by: swanctl}]}
`

var findingRefusals = map[string]refusal{
	"DHCP of a third kind":     {"dhcp: v6", "dhcp: v5", "mih.discovery.dhcp: \"v5\": want one of off, v4, v6"},
	"DHCP nowhere":             {", interface: eth0}", "}", "mih.discovery.interface: is missing"},
	"an interface for nothing": {"dhcp: v6, ", "", "mih.discovery.interface: \"eth0\": has no effect without dhcp"},
	"no interface":             {"interface: eth0}", "interface: eth/0}", "mih.discovery.interface: \"eth/0\": want the name of a network interface"},
	"the root":                 {"example.net.", "\".\"", "mih.discovery.dns_domain: \".\": want the name of a domain"},
	"an empty label":           {"example.net.", "example..net", "mih.discovery.dns_domain"},
	"a label of 64 octets":     {"example.net.", strings.Repeat("a", 64) + ".net", "mih.discovery.dns_domain"},
	"a name of 255 octets":     {"example.net.", strings.Repeat("a.", 127) + "a", "mih.discovery.dns_domain"},
	"a name with a blank":      {"example.net.", "\"example net\"", "mih.discovery.dns_domain"},
	"a service's name":         {"dns_domain: example.net.", "service: MIHIS", "mih.discovery: unknown key(s): service"},
	"a group in clear":         {"dhcp: v6", "multicast: \"ff02::4551\"", "mih.discovery.multicast: \"ff02::4551\": is heard in clear by everybody on the link"},
	"a group of many links":    {"dhcp: v6", "multicast: \"ff05::4551\"", "mih.discovery.multicast: \"ff05::4551\": want an IPv6 multicast group of one link"},
	"another port":             {"mih: {", "mih: {port: 4552, ", "mih.port: \"4552\": is not protected, as what is found by mih.discovery shall be: want 4551"},
}

func TestDiscoveryIsRead(t *testing.T) {
	c, err := LoadMagd(write(t, finding))
	if err != nil {
		t.Fatal(err)
	}
	d := c.MIH.Discovery
	if !d.On() || d.DNSDomain != "example.net" || d.DHCP != 6 || d.Interface != "eth0" || d.Laboratory {
		t.Errorf("%+v", d)
	}
	if want := []netip.Addr{netip.MustParseAddr("2001:db8:f0::ff"), netip.MustParseAddr("2001:db8:f0::9")}; !slices.Equal(d.Associations, want) {
		t.Errorf("associations with %v, want %v", d.Associations, want)
	}
	if len(c.MIH.Listen) == 0 { // who finds peers speaks with them
		t.Error("no sockets")
	}
	for old, with := range map[string]string{"mode: ipsec": "mode: none", "discovery: {dns_domain: example.net., dhcp: v6, interface: eth0}": "port: 4551"} {
		c, err := LoadMagd(write(t, edit(t, finding, old, with)))
		if err != nil {
			t.Fatal(err)
		}
		if d := c.MIH.Discovery; d.Laboratory != c.None || d.On() != (len(c.MIH.Listen) > 0) {
			t.Errorf("%+v", d)
		}
	}
	multicast := edit(t, edit(t, finding, "mode: ipsec", "mode: none"), "dns_domain: example.net., dhcp: v6", "multicast: \"ff02::4551\"")
	if c, err = LoadMagd(write(t, multicast)); err != nil || !c.MIH.Discovery.On() || c.MIH.Discovery.Multicast != netip.MustParseAddr("ff02::4551") || len(c.MIH.Listen) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	text := edit(t, function, "peers: [{name: mag1", "discovery: {dhcp: v4, interface: eth0}, peers: [{name: mag1")
	m, err := LoadMihd(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if d := m.MIH.Discovery; !d.On() || d.DHCP != 4 || len(d.Associations) != 1 {
		t.Errorf("%+v", d)
	}
	alone := edit(t, edit(t, text, `{name: mag1, address: "2001:db8:f0::1"}, `, ""), `{name: mag1, address: "2001:db8:f0::1", identity: mag1, managed_by: swanctl}`, "")
	if _, err := LoadMihd(write(t, alone)); err == nil || !strings.Contains(err.Error(), "mih.discovery: finds nobody who is believed") {
		t.Errorf("error %v", err)
	}
}
