package configs

import (
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/security"
)

// preparing is a gateway that prepares handovers and gets link events from an access point.
const preparing = `
mag: {proxy_care_of_address: "2001:db8:f0::11", ipv4_proxy_care_of_address: 192.0.2.11}
lmas: [{name: lma, address: "2001:db8:f0::ff", identity: lma, managed_by: swanctl}]
gateways: [{name: mag2, address: "2001:db8:f0::12", identity: mag2, managed_by: swanctl}, {name: mag0, address: "2001:db8:f0::10", identity: mag0, managed_by: swanctl}]
handover: {mode: both, points_of_attachment: [{address: "02:00:00:00:00:20", gateway: mag2, network_id: example, channel: 36}]}
mih:
  mihf_id: mag1.example.net
  peers:
    - {name: ap1, mihf_id: ap1.example.net, address: "2001:db8:f0::21", interface: acc0, points_of_attachment: ["02:00:00:00:00:10"]}
    - {name: info, address: "2001:db8:f0::ff", transport: tcp, register: true}
    - {name: tool, address: "::1", port: 1025, compat: odtone}
access_links: [{interface: acc0}]
security: {mode: ipsec, peers: [{name: ap1, address: "2001:db8:f0::21", identity: ap1, managed_by: swanctl}]}
`

var preparingRefusals = map[string]refusal{
	"gateway at this end":            {`"2001:db8:f0::12"`, `"2001:db8:f0::11"`, "gateways[0].address: \"2001:db8:f0::11\": is mag.proxy_care_of_address"},
	"gateway that is the anchor":     {`"2001:db8:f0::12"`, `"2001:db8:f0::ff"`, "gateways[0].address: \"2001:db8:f0::ff\": stands twice"},
	"access point that is a gateway": {`peers: [{name: ap1, address: "2001:db8:f0::21"`, `peers: [{name: ap1, address: "2001:db8:f0::12"`, "security.peers[0].address: \"2001:db8:f0::12\": stands twice"},
	"a gateway of the anchor's name": {"name: mag2, address", "name: lma, address", "gateways[0].name: \"lma\": stands twice"},
	"a gateway without identity":     {"identity: mag2, ", "", "gateways[0].identity: is missing"},
	"a gateway's dialect":            {"identity: mag2, ", "identity: mag2, compat: oai, ", "gateways[0].compat: \"oai\": has no effect"},
	"a gateway's ignored key":        {"identity: mag2, ", "identity: mag2, preshared_key_file: /etc/key, ", "gateways[0].preshared_key_file: has no effect"},
	"an access point's dialect":      {"identity: ap1, ", "identity: ap1, compat: opmip, ", "security.peers[0].compat: \"opmip\": has no effect"},
	"unknown key of an access point": {"identity: ap1, ", "identity: ap1, colour: red, ", "security.peers[0]: unknown key(s): colour"},

	"handover of a fourth kind":     {"mode: both", "mode: magic", "handover.mode: \"magic\": want one of off, predictive, reactive, both"},
	"nobody to hand over to":        {"gateways: [", "gateways: []\nignored: [", "handover.mode: \"both\": has nobody to hand over to"},
	"no packet":                     {"mode: both", "mode: both, buffer_packets: 0", "want a whole number from 1 to 65535"},
	"octets without a unit":         {"mode: both", `mode: both, buffer_octets: "65536"`, "handover.buffer_octets: \"65536\": want a size in octets with its unit, such as 64KiB"},
	"octets as a number":            {"mode: both", "mode: both, buffer_octets: 65536", "handover.buffer_octets: \"65536\": want text: a value with a unit"},
	"decimal octets":                {"mode: both", "mode: both, buffer_octets: 1.5MiB", "want a size in octets with its unit"},
	"few octets":                    {"mode: both", "mode: both, buffer_octets: 1KiB", "want a size from 64KiB to 1GiB"},
	"octets beyond all":             {"mode: both", "mode: both, buffer_total_octets: 4294967295GiB", "want a size from 64KiB to 16GiB"},
	"more for one than for all":     {"mode: both", "mode: both, buffer_octets: 128MiB", "want at most handover.buffer_total_octets, 64MiB"},
	"packets held for ever":         {"mode: both", "mode: both, hold_time: 2m", "handover.hold_time"},
	"a tunnel that stays":           {"mode: both", "mode: both, forwarding_lifetime: 1h", "handover.forwarding_lifetime"},
	"no patience":                   {"mode: both", "mode: both, preparation_timeout: 0s", "handover.preparation_timeout"},
	"weights of nothing":            {"mode: both", "mode: both, weights: {signal: 0, load: 0, previous: 0, preferred: 0}", "handover.weights: are all 0"},
	"a negative weight":             {"mode: both", "mode: both, weights: {signal: -1}", "handover.weights.signal: \"-1\": want a whole number from 0 to 100"},
	"a gateway that is none":        {"gateway: mag2", "gateway: mag7", "handover.points_of_attachment[0].gateway: \"mag7\": want the name of one of gateways"},
	"the anchor as gateway":         {"gateway: mag2", "gateway: lma", "points_of_attachment[0].gateway"},
	"a group as point":              {`{address: "02:00:00:00:00:20"`, `{address: "33:33:00:00:00:20"`, "handover.points_of_attachment[0].address"},
	"a point twice":                 {`points_of_attachment: [{`, `points_of_attachment: [{address: "02:00:00:00:00:20"}, {`, "handover.points_of_attachment[1].address: \"02:00:00:00:00:20\": stands twice"},
	"an SSID of 33 octets":          {"network_id: example", "network_id: " + strings.Repeat("a", 33), "points_of_attachment[0].network_id"},
	"a channel that there is not":   {"channel: 36", "channel: 234", "want a whole number from 0 to 233"},
	"a link of another kind":        {"channel: 36", "channel: 36, link_type: string", "points_of_attachment[0].link_type: \"string\": want one of wlan, ethernet, wireless"},
	"a name with a blank":           {"mihf_id: mag1.example.net", "mihf_id: mag 1", "mih.mihf_id: \"mag 1\": want the name of an MIH Function"},
	"a name of 254 octets":          {"mihf_id: mag1.example.net", "mihf_id: " + strings.Repeat("m", 254), "mih.mihf_id"},
	"this end's own name":           {"mihf_id: ap1.example.net", "mihf_id: mag1.example.net", "mih.peers[0].mihf_id: \"mag1.example.net\": is this end's own"},
	"one name for two":              {"{name: info", "{mihf_id: ap1.example.net, name: info", "mih.peers[1].mihf_id: \"ap1.example.net\": is that of ap1 already"},
	"two peers of one name":         {"{name: info", "{name: ap1", "mih.peers[1].name: \"ap1\": stands twice"},
	"two peers at one address":      {`{name: tool, address: "::1", port: 1025`, `{name: tool, address: "2001:db8:f0::21"`, "mih.peers[2].address: \"[2001:db8:f0::21]:4551\": stands twice"},
	"a peer without an address":     {`{name: tool, address: "::1", `, `{name: tool, `, "mih.peers[2].address"},
	"a peer on a link":              {`address: "::1"`, `address: "fe80::1"`, "mih.peers[2].address"},
	"a peer of every address":       {`address: "::1"`, `address: "::"`, "mih.peers[2].address"},
	"no port":                       {"port: 1025", "port: 65536", "mih.peers[2].port"},
	"a transport of a third kind":   {"transport: tcp", "transport: sctp", "mih.peers[1].transport: \"sctp\": want one of udp, tcp"},
	"a dialect of a third kind":     {"compat: odtone", "compat: openj21", "mih.peers[2].compat: \"openj21\": want one of strict, odtone"},
	"protection of a third kind":    {"transport: tcp", "protection: tls", "mih.peers[1].protection: \"tls\": want one of ipsec, none"},
	"no association for it":         {`mihf_id: ap1.example.net, address: "2001:db8:f0::21"`, `address: "2001:db8:f0::22"`, "mih.peers[0].protection: \"ipsec\": has no security association with 2001:db8:f0::22: want this address under security.peers"},
	"another port is not protected": {"transport: tcp", "port: 4552", "mih.peers[1].port: \"4552\": is not protected: want 4551"},
	"nor at this end":               {"mih:\n", "mih:\n  port: 4552\n", "mih.port: \"4552\": is not protected, as mih.peers[0] shall be"},
	"not where the association is":  {"mih:\n", "mih:\n  listen: [\"::1\", \"2001:db8:f0::77\"]\n", "mih.listen: lacks 2001:db8:f0::11, from where the association with mih.peers[0] is"},
	"an address twice":              {"mih:\n", "mih:\n  listen: [\"2001:db8:f0::11\", \"2001:db8:f0::11\"]\n", "mih.listen[1]: \"2001:db8:f0::11\": stands twice"},
	"every address":                 {"mih:\n", "mih:\n  listen: [\"::\"]\n", "mih.listen[0]"},
	"a share of less than nothing":  {"mih:\n", "mih:\n  maximum_links_of_peer: -1\n", "mih.maximum_links_of_peer: \"-1\": want a whole number from 0 to"},
	"more than an access point has": {"mode: both", "mode: both, maximum_stations: 2008", "handover.maximum_stations: \"2008\": want a whole number from 0 to 2007"},
	"no time for the mobile node":   {"mode: both", "mode: both, candidate_timeout: 0s", "handover.candidate_timeout"},
	"stations nowhere":              {"interface: acc0, points", "interface: acc7, points", "mih.peers[0].interface: \"acc7\": want the interface of one of access_links"},
	"points without a link":         {"interface: acc0, points", "points", "mih.peers[0].points_of_attachment: has no effect without interface"},
	"no station is ever seen":       {`interface: acc0, points_of_attachment: ["02:00:00:00:00:10"]`, "transport: udp", "adapters: is missing: want hostapd, ciscosyslog or radius, or one of mih.peers with interface"},
	"a point that is none":          {`["02:00:00:00:00:10"]`, `["02:00"]`, "mih.peers[0].points_of_attachment[0]"},
}

// function is an access point with an MIH Function of its own.
const function = `
mih: {mihf_id: ap1, listen: ["::1", "2001:db8:f0::21", "2001:db8:f0::121", 192.0.2.21], peers: [{name: mag1, address: "2001:db8:f0::1"}, {address: 192.0.2.7, protection: none}]}
adapters: {hostapd: [{control_socket: /run/hostapd/wlan0, interface: radio in the hall}]}
security: {mode: ipsec, peers: [{name: mag1, address: "2001:db8:f0::1", identity: mag1, managed_by: swanctl}]}
`

var functionRefusals = map[string]refusal{
	"nowhere reached":                 {`listen: ["::1", "2001:db8:f0::21", "2001:db8:f0::121", 192.0.2.21], `, "", "mih.listen: is missing"},
	"reached from within only":        {`"::1", "2001:db8:f0::21", "2001:db8:f0::121", 192.0.2.21`, `"::1"`, "security.peers[0].address: \"2001:db8:f0::1\": is reached from mih.listen, which is missing"},
	"of the other family only":        {`"::1", "2001:db8:f0::21", "2001:db8:f0::121", `, "", "security.peers[0].address"},
	"never reached":                   {", 192.0.2.21", "", "mih.peers[1].address: \"192.0.2.7\": is reached from no address of mih.listen"},
	"no association":                  {`{name: mag1, address: "2001:db8:f0::1", identity`, `{name: mag1, address: "2001:db8:f0::2", identity`, "mih.peers[0].protection"},
	"a gateway's key":                 {`{name: mag1, address: "2001:db8:f0::1"}`, `{name: mag1, address: "2001:db8:f0::1", interface: acc0}`, "mih.peers[0]: unknown key(s): interface"},
	"a gateway's section":             {"mih:", "mag: {lifetime: 5m}\nmih:", "top level: unknown key(s): mag"},
	"a radio without a name":          {"interface: radio in the hall", "link_type: wlan", "adapters.hostapd[0].interface: is missing"},
	"a radio of 65 octets":            {"radio in the hall", strings.Repeat("r", 65), "adapters.hostapd[0].interface"},
	"a radio of another kind":         {"radio in the hall", "r, link_type: laser", "adapters.hostapd[0].link_type"},
	"the signal of a wire":            {"radio in the hall", "r, link_type: ethernet, link_detected: true", "its link is ethernet"},
	"two entries of one socket":       {"hostapd: [{", "hostapd: [{control_socket: /run/hostapd/wlan0, interface: a}, {", "adapters.hostapd[1].control_socket"},
	"syslog from everyone":            {"adapters: {", `adapters: {ciscosyslog: {listen: "[::]:514", sources: [{address: "::/0", interface: a}]}, `, "not everyone"},
	"a syslog source without a name":  {"adapters: {", `adapters: {ciscosyslog: {listen: "[::]:514", sources: [{address: 192.0.2.1}]}, `, "sources[0].interface"},
	"metrics for everyone":            {"adapters:", "metrics: {listen: \"[::]:9523\"}\nadapters:", "metrics.listen"},
	"mode of a third kind":            {"mode: ipsec", "mode: maybe", "security.mode"},
	"heartbeats, which are a MAG's":   {"mih:", "heartbeat: {interval: 60s}\nmih:", "unknown key(s): heartbeat"},
	"an association that is an LMA's": {"identity: mag1, ", "identity: mag1, mobile_nodes: [\"*\"], ", "security.peers[0]: unknown key(s): mobile_nodes"},
}

func TestGatewaysAndMIHFunctionsAreRead(t *testing.T) {
	c, err := LoadMagd(write(t, preparing))
	if err != nil {
		t.Fatal(err)
	}
	var protected []string
	for _, peer := range c.Protected() {
		who := strings.Join([]string{string(peer.Kind), peer.Name, peer.Traffic.String()}, " ")
		if peer.Initiate {
			who += ", called"
		}
		protected = append(protected, who)
	}
	if want := []string{"anchor lma Mobility Headers, called", "gateway mag2 Mobility Headers, called", "gateway mag0 Mobility Headers", "mih ap1 MIH, called"}; !slices.Equal(protected, want) {
		t.Errorf("protected %q, want %q", protected, want)
	}
	h := c.Handover
	want := Handover{
		Predictive: true, Reactive: true, OnLinkGoingDown: true, BufferPackets: 512, BufferOctets: 1 << 20, BufferTotalOctets: 64 << 20, HoldTime: 2 * time.Second,
		ForwardingLifetime: 4 * time.Second, PreparationTimeout: 500 * time.Millisecond, CandidateTimeout: 100 * time.Millisecond, DepartureGrace: 300 * time.Millisecond, MaximumStations: 100, Weights: Weights{70, 20, 10, 50},
		PointsOfAttachment: h.PointsOfAttachment,
	}
	if !reflect.DeepEqual(h, want) {
		t.Errorf("handover %+v, want %+v", h, want)
	}
	if len(h.PointsOfAttachment) != 1 || h.PointsOfAttachment[0].Gateway != "mag2" || h.PointsOfAttachment[0].Channel != 36 || h.PointsOfAttachment[0].LinkType != mih.LinkType80211 {
		t.Errorf("points of attachment %+v", h.PointsOfAttachment)
	}
	m := c.MIH
	if m.MIHFID != "mag1.example.net" || m.Port != 4551 || len(m.Listen) != 4 || m.Listen[0] != c.ProxyCareOfAddress || m.Listen[1] != c.IPv4ProxyCareOfAddress || !m.Listen[2].IsLoopback() {
		t.Errorf("%+v", m)
	}
	for i, want := range []MIHPeer{
		{Name: "ap1", MIHFID: "ap1.example.net", Address: netip.MustParseAddrPort("[2001:db8:f0::21]:4551"), Protected: true, Interface: "acc0", PointsOfAttachment: m.Peers[0].PointsOfAttachment},
		{Name: "info", Address: netip.MustParseAddrPort("[2001:db8:f0::ff]:4551"), TCP: true, Register: true, Protected: true},
		{Name: "tool", Address: netip.MustParseAddrPort("[::1]:1025"), ODTONE: true},
	} {
		if !reflect.DeepEqual(m.Peers[i], want) {
			t.Errorf("%+v, want %+v", m.Peers[i], want)
		}
	}
	if len(m.Peers[0].PointsOfAttachment) != 1 || len(m.InClear()) != 0 {
		t.Errorf("points %v, in clear %v", m.Peers[0].PointsOfAttachment, m.InClear())
	}
}

// A gateway of before has neither handovers nor sockets of MIH.
func TestWithoutMIHAndHandovers(t *testing.T) {
	c, err := LoadMagd(write(t, gateway))
	if err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	if c.Handover.Predictive || c.Handover.Reactive || len(c.MIH.Listen) != 0 || len(c.MIH.Peers) != 0 || c.MIH.MIHFID != mih.MIHFID(host) || len(c.Protected()) != 1 {
		t.Errorf("%+v %+v", c.Handover, c.MIH)
	}
	for key, want := range map[string]any{"handover.mode": "off", "handover.buffer_octets": "1MiB", "mih.port": 4551, "handover.weights.signal": 70} {
		if got := find(t, c.Settings, key); got.Value != want || !got.IsDefault {
			t.Errorf("%s: %+v", key, got)
		}
	}
}

func TestOneModeOfHandover(t *testing.T) {
	for mode, want := range map[string][2]bool{"off": {false, false}, "predictive": {true, false}, "reactive": {false, true}} {
		c, err := LoadMagd(write(t, edit(t, preparing, "mode: both", "mode: "+mode)))
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]bool{c.Handover.Predictive, c.Handover.Reactive}; got != want {
			t.Errorf("%s: %v", mode, got)
		}
	}
}

// Who initiates is shown like every other effective value, and may be said.
func TestOfTwoGatewaysOneInitiates(t *testing.T) {
	c, err := LoadMagd(write(t, preparing))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"lmas[0].initiate": true, "gateways[0].initiate": true, "gateways[1].initiate": false, "security.peers[0].initiate": true} {
		if got := find(t, c.Settings, key); got.Value != want {
			t.Errorf("%s: %+v", key, got)
		}
	}
	c, err = LoadMagd(write(t, edit(t, preparing, "identity: mag2, ", "identity: mag2, initiate: false, ")))
	if err != nil || c.Gateways[0].Initiate {
		t.Errorf("%v, %v", c, err)
	}
}

func TestAnAnchorHasPeersThatAreNoGateways(t *testing.T) {
	text := edit(t, anchor, "security: {mode: ipsec", `security: {mode: ipsec, peers: [{address: "2001:db8:f0::21", identity: ap1, managed_by: swanctl}]`)
	c, err := LoadLmad(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if all := c.Protected(); len(all) != 3 || all[0].Kind != Gateway || all[0].Initiate || all[0].Traffic != security.MobilityHeaders ||
		all[2].Kind != OtherPeer || all[2].Initiate || all[2].Traffic != security.MIH || all[2].Local != c.LMAAddress {
		t.Errorf("%+v", all)
	}
	if _, err := LoadLmad(write(t, strings.Replace(text, "::21", "::2", 1))); err == nil || !strings.Contains(err.Error(), "security.peers[0].address: \"2001:db8:f0::2\": stands twice") {
		t.Errorf("error %v", err)
	}
}

// In a laboratory nothing is protected, whatever the entries say.
func TestMIHWithoutProtection(t *testing.T) {
	c, err := LoadMagd(write(t, edit(t, edit(t, preparing, "mode: ipsec", "mode: none"), `mihf_id: ap1.example.net, address: "2001:db8:f0::21"`, `address: "2001:db8:f0::99", port: 4552`)))
	if err != nil {
		t.Fatal(err)
	}
	for _, peer := range c.MIH.Peers {
		if peer.Protected {
			t.Errorf("%+v", peer)
		}
	}
}

func TestMIHFunctionIsRead(t *testing.T) {
	c, err := LoadMihd(write(t, function))
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Protected(); len(p) != 1 || p[0].Local != netip.MustParseAddr("2001:db8:f0::21") || p[0].Initiate || p[0].Kind != OtherPeer {
		t.Errorf("%+v", p)
	}
	if got := c.MIH.InClear(); !slices.Equal(got, []netip.Addr{netip.MustParseAddr("192.0.2.7")}) || c.MIH.Peers[1].Name != "192.0.2.7" {
		t.Errorf("in clear %v", got)
	}
	if h := c.Hostapd; len(h) != 1 || h[0].Interface != "radio in the hall" || h[0].LinkType != mih.LinkType80211 {
		t.Errorf("%+v", h)
	}
	if c.AdminSocket != "/run/netlmm/mihd.sock" || c.MetricsListen != "127.0.0.1:9523" || c.HeartbeatInterval != 0 {
		t.Errorf("%+v", c.Common)
	}
	if got := find(t, c.Settings, "adapters.hostapd[0].link_type"); got.Value != "wlan" || !got.IsDefault {
		t.Errorf("%+v", got)
	}
	// an information server has no radio
	if _, err := LoadMihd(write(t, edit(t, function, "adapters: {hostapd: [{control_socket: /run/hostapd/wlan0, interface: radio in the hall}]}", ""))); err != nil {
		t.Error(err)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int{"64KiB": 64 << 10, "1MiB": 1 << 20, "1024KiB": 1 << 20, "1GiB": 1 << 30} {
		p := problems{}
		if got := p.octets("k", text, 64<<10, 1<<30); got != want || p.err() != nil {
			t.Errorf("%s: %d, %v", text, got, p.err())
		}
	}
	for _, text := range []string{"", "1", "KiB", "-1MiB", "1 MiB", "1mib", "1MB", "2GiB", "63KiB", "99999999999999999999KiB"} {
		p := problems{}
		if got := p.octets("k", text, 64<<10, 1<<30); p.err() == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
}
