package configs

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
)

var anchorIPv4Refusals = map[string]refusal{
	"overlapping pools":          {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.0/16}, {network: 10.64.128.0/24}], ", "lma.ipv4_pools[1].network: \"10.64.128.0/24\": overlaps the pool 10.64.0.0/16"},
	"the same pool twice":        {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.0/16}, {network: 10.64.0.0/16}], ", "overlaps"},
	"pool with this end":         {"lma: {", "lma: {ipv4_address: 192.0.2.255, ipv4_pools: [{network: 192.0.2.0/24}], ", "holds lma.ipv4_address 192.0.2.255"},
	"pool with a gateway":        {`lma: {`, "forwarding: {backend: none}\nlma: {ipv4_address: 192.0.2.255, ipv4_pools: [{network: 198.51.100.0/24}], ", "holds mags[0].address"},
	"pool without network":       {"lma: {", "lma: {ipv4_pools: [{default_router: 10.64.0.1}], ", "lma.ipv4_pools[0].network: is missing"},
	"pool with bits":             {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.1/16}], ", "want 10.64.0.0/16"},
	"pool of IPv6":               {"lma: {", "lma: {ipv4_pools: [{network: \"2001:db8:64::/64\"}], ", "want an IPv4 network"},
	"pool of one":                {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.0/31}], ", "want a length of 8 to 30"},
	"pool of loopback":           {"lma: {", "lma: {ipv4_pools: [{network: 127.0.0.0/8}], ", "loopback"},
	"pool of everything":         {"lma: {", "lma: {ipv4_pools: [{network: 0.0.0.0/1}], ", "want a length of 8"},
	"router elsewhere":           {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.0/16, default_router: 10.65.0.1}], ", "lma.ipv4_pools[0].default_router"},
	"router is the network":      {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.0/16, default_router: 10.64.0.0}], ", "such as 10.64.0.1"},
	"router is the broadcast":    {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.0/16, default_router: 10.64.255.255}], ", "want an address of a host"},
	"router without a number":    {"lma: {", "lma: {ipv4_pools: [{network: 10.64.0.0/16, default_router: first}], ", "want an address of a host"},
	"static address in a pool":   {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4_home_address: 10.64.0.9/16}]}\nlma: {ipv4_pools: [{network: 10.64.0.0/16}], ", "lies in lma.ipv4_pools[0]"},
	"static address twice":       {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4_home_address: 10.65.0.9/16}, {nai: b, ipv4_home_address: 10.65.0.9/24}]}\nlma: {", "belongs to a already"},
	"static address of this end": {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4_home_address: 192.0.2.255/16}]}\nlma: {ipv4_address: 192.0.2.255, ", "holds lma.ipv4_address"},
	"static network":             {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4_home_address: 10.65.0.0/16}]}\nlma: {", "is the address of its network"},
	"static router":              {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4_home_address: 10.65.0.1/16}]}\nlma: {", "which is the default router's"},
	"static without length":      {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4_home_address: 10.65.0.9}]}\nlma: {", "with the length of its network"},
	"static but no IPv4":         {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4: false, ipv4_home_address: 10.65.0.9/16}]}\nlma: {", "has no effect with ipv4: false"},
	"nothing at all":             {"lma: {", "policy: {mobile_nodes: [{nai: a, ipv4: false, ipv6: false}]}\nlma: {", "has neither IPv6 nor IPv4"},
	"nothing for anybody":        {"lma: {", "policy: {ipv4: false, ipv6: false}\nlma: {", "policy.ipv4"},
	"IPv4 gateway, no address":   {`address: "2001:db8:f0::1"`, "address: 198.51.100.1", "is reached from lma.ipv4_address, which is missing"},
	"multicast lma.ipv4_address": {"lma: {", "lma: {ipv4_address: 224.0.0.1, ", "lma.ipv4_address: \"224.0.0.1\": want a unicast"},
	"mode of a third kind":       {"lma: {", "lma: {dhcp_support_mode: proxy, ", "lma.dhcp_support_mode: \"proxy\": want one of server, relay"},
}

func TestIPv4ThatCannotWorkIsRefused(t *testing.T) {
	for name, c := range anchorIPv4Refusals {
		t.Run(name, func(t *testing.T) {
			base := anchor
			if name == "pool with a gateway" {
				base = edit(t, anchor, `address: "2001:db8:f0::1"`, "address: 198.51.100.1")
			}
			if _, err := LoadLmad(write(t, edit(t, base, c.old, c.with))); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestIPv4IsRead(t *testing.T) {
	c, err := LoadLmad(write(t, `
lma: {address: "2001:db8:f0::ff", pools: ["2001:db8:1000::/40"], ipv4_pools: [{network: 10.64.0.0/16, default_router: 10.64.0.254}, {network: 10.66.0.0/24}], dhcp_support_mode: relay}
mags: [{address: "2001:db8:f0::1"}]
security: {mode: none}
policy: {mobile_nodes: [{nai: a@x, ipv4_home_address: 10.65.0.9/16}, {nai: b@x, ipv6: false}, {nai: c@x, ipv4: false}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []IPv4Pool{{netip.MustParsePrefix("10.64.0.0/16"), netip.MustParseAddr("10.64.0.254")}, {netip.MustParsePrefix("10.66.0.0/24"), netip.MustParseAddr("10.66.0.1")}}
	if !reflect.DeepEqual(c.IPv4Pools, want) || c.DHCPSupportMode != "relay" {
		t.Errorf("%+v", c.IPv4Pools)
	}
	a, b, third := c.Profiles[0], c.Profiles[1], c.Profiles[2]
	if a.IPv4HomeAddress != netip.MustParsePrefix("10.65.0.9/16") || !a.IPv4Mobility || a.IPv6Prohibited || !b.IPv4Mobility || !b.IPv6Prohibited || third.IPv4Mobility {
		t.Errorf("%+v", c.Profiles)
	}
	if !c.Fallback.IPv4Mobility || c.Fallback.IPv6Prohibited {
		t.Errorf("%+v", c.Fallback)
	}
}

// Peers over IPv4. Whether the kernel can make tunnels to them is seen at start.
func TestIPv4Transport(t *testing.T) {
	magd, err := LoadMagd(write(t, `
mag: {ipv4_proxy_care_of_address: 192.0.2.1}
lmas: [{address: 192.0.2.255, compat: opmip}]
access_links: [{interface: acc0}]
adapters: {hostapd: [{control_socket: /run/x, interface: acc0}]}
security: {mode: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	if l := magd.LMAs[0]; magd.ProxyCareOfAddress.IsValid() || l.Local != netip.MustParseAddr("192.0.2.1") || l.Compat != mobility.CompatOPMIP {
		t.Errorf("%+v", l)
	}
	lmad, err := LoadLmad(write(t, `
lma: {address: "2001:db8:f0::ff", ipv4_address: 192.0.2.255, pools: ["2001:db8:1000::/40"]}
mags: [{address: 192.0.2.1}, {address: "2001:db8:f0::1"}]
security: {mode: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	if lmad.MAGs[0].Local != lmad.IPv4Address || lmad.MAGs[1].Local != lmad.LMAAddress {
		t.Errorf("%+v", lmad.MAGs)
	}
}

var newGatewayRefusals = map[string]refusal{
	"timestamps of nobody":         {"mag: {", "mag: {timestamp_based_approach_in_use: false, mobile_node_generated_timestamp_in_use: true, ", "want false while mag.timestamp_based_approach_in_use is false"},
	"timestamps of mobile nodes":   {"mag: {", "mag: {mobile_node_generated_timestamp_in_use: true, ", "tells a gateway a mobile node's timestamp"},
	"relative state":               {"mag: {", "mag: {state_path: magd.db, ", "mag.state_path"},
	"presence of a third kind":     {"mag: {", "mag: {on_unknown_presence: wait, ", "mag.on_unknown_presence: \"wait\": want one of deregister, lapse"},
	"hasty heartbeat":              {"security:", "heartbeat: {interval: 29s}\nsecurity:", "heartbeat.interval: \"29s\": want a duration from 30s to 1h"},
	"hasty heartbeat anywhere":     {"mode: ipsec", "mode: none}\nheartbeat: {interval: 99ms", "want a duration from 100ms"},
	"slow heartbeat":               {"security:", "heartbeat: {interval: 61m}\nsecurity:", "heartbeat.interval"},
	"no heartbeat missing":         {"security:", "heartbeat: {missing_allowed: 0}\nsecurity:", "heartbeat.missing_allowed"},
	"small tunnel":                 {"security:", "forwarding: {tunnel_mtu: 1279}\nsecurity:", "forwarding.tunnel_mtu: \"1279\": want 1280 to 65495"},
	"long delay":                   {"security:", "forwarding: {tunnel_deletion_delay: 2h}\nsecurity:", "forwarding.tunnel_deletion_delay"},
	"peer of a fourth kind":        {"managed_by: swanctl", "managed_by: swanctl, compat: cisco", "lmas[0].compat: \"cisco\": want one of strict, oai, opmip"},
	"DHCPv4 relay without address": {"interface: acc0}]\nadapters", "interface: acc0, dhcpv4_servers: [192.0.2.67]}]\nadapters", "answer to mag.dhcp_relay_address, which is missing"},
	"DHCPv4 server of IPv6":        {"interface: acc0}]\nadapters", "interface: acc0, dhcpv4_servers: [\"2001:db8::67\"]}]\nadapters", "want an IPv4 address"},
	"DNS server of nowhere":        {"mag: {", "mag: {dns_servers: [\"::1\"], ", "mag.dns_servers[0]"},
	"relay without servers":        {"interface: acc0}]\nadapters", "interface: acc0, dhcpv6: relay}]\nadapters", "access_links[0].dhcpv6_servers: is missing"},
	"servers without relay":        {"interface: acc0}]\nadapters", "interface: acc0, dhcpv6_servers: [\"2001:db8::547\"]}]\nadapters", "has no effect without dhcpv6: relay"},
	"dhcpv6 of a fourth kind":      {"interface: acc0}]\nadapters", "interface: acc0, dhcpv6: yes}]\nadapters", "access_links[0].dhcpv6"},
	"global link-local address":    {"interface: acc0}]\nadapters", "interface: acc0, link_local_address: \"2001:db8::1\"}]\nadapters", "or anchor for what the LMA gives"},
	"IPv4 LMA, no address":         {"2001:db8:f0::ff", "192.0.2.255", "is reached from mag.ipv4_proxy_care_of_address, which is missing"},
	"MAG's lists at the other end": {"managed_by: swanctl", "managed_by: swanctl, mobile_nodes: [a]", "unknown key(s): mobile_nodes"},
	"static address of no host":    {"security:", "policy: {mobile_nodes: [{nai: a, ipv4_home_address: 10.65.255.255/16}]}\nsecurity:", "broadcast"},
	"prefixes of who has none":     {"security:", "policy: {mobile_nodes: [{nai: a, ipv6: false, ipv4: true, home_network_prefixes: [\"2001:db8:1::/64\"]}]}\nsecurity:", "has no effect with ipv6: false"},
}

var newAnchorRefusals = map[string]refusal{
	"timestamps of nobody":    {"lma: {", "lma: {timestamp_based_approach_in_use: false, mobile_node_generated_timestamp_in_use: true, ", "RFC 5213 section 9.3"},
	"no retry":                {"lma: {", "lma: {bri_max_retries_number: 0, ", "lma.bri_max_retries_number"},
	"hasty revocation":        {"lma: {", "lma: {init_min_delay_bris: 400ms, ", "lma.init_min_delay_bris: \"400ms\": want a duration from 500ms"},
	"first after the last":    {"lma: {", "lma: {init_min_delay_bris: 5s, ", "want at most lma.max_brack_timeout, 2s"},
	"empty pattern":           {"identity: mag1", `identity: mag1, mobile_nodes: [""]`, "mags[0].mobile_nodes: has an empty pattern"},
	"prefix of a gateway":     {"identity: mag1", "identity: mag1, home_network_prefixes: [10.64.0.1/16]", "mags[0].home_network_prefixes[0]: \"10.64.0.1/16\": has bits"},
	"fixed address elsewhere": {"lma: {", "lma: {fixed_mag_link_local_address_on_all_access_links: \"2001:db8::1\", ", `or "::" for none`},
	"fixed group address":     {"lma: {", "lma: {fixed_mag_link_layer_address_on_all_access_links: \"33:33:00:00:00:01\", ", "no group"},
}

func TestWhatTheNewKeysCannotBeIsRefused(t *testing.T) {
	for name, c := range newGatewayRefusals {
		if _, err := LoadMagd(write(t, edit(t, gateway, c.old, c.with))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	for name, c := range newAnchorRefusals {
		if _, err := LoadLmad(write(t, edit(t, anchor, c.old, c.with))); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestTheNewKeysAreRead(t *testing.T) {
	magd, err := LoadMagd(write(t, `
mag: {proxy_care_of_address: "2001:db8:f0::1", enable_mag_local_routing: true, on_unknown_presence: lapse, state_path: /tmp/x.db}
lmas: [{address: "2001:db8:f0::ff", compat: oai}]
access_links: [{interface: acc0, link_local_address: anchor, dhcpv4: false, dhcpv6: relay, dhcpv6_servers: ["2001:db8::547"]}, {interface: acc1}]
adapters: {hostapd: [{control_socket: /run/x, interface: acc0}]}
forwarding: {tunnel_mtu: 1400, static_tunnels: true, tunnel_deletion_delay: 0s}
heartbeat: {interval: 0s, missing_allowed: 5}
policy: {ipv4: true, mobile_nodes: [{nai: a@x, enable_mag_local_routing: false}]}
security: {mode: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	first, second := magd.AccessLinks[0], magd.AccessLinks[1]
	if !first.AnchorLinkLocal || first.LinkLocalAddress.IsValid() || first.DHCPv4 || first.DHCPv6 != "relay" || len(first.DHCPv6Servers) != 1 ||
		second.AnchorLinkLocal || !second.DHCPv4 || second.DHCPv6 != "off" || second.AccessTechnologyType != mobility.AccessWLAN {
		t.Errorf("%+v", magd.AccessLinks)
	}
	if !magd.MAGLocalRouting || !magd.LapseOnUnknownPresence || magd.StatePath != "/tmp/x.db" || magd.LMAs[0].Compat != mobility.CompatOAI ||
		magd.TunnelMTU != 1400 || !magd.StaticTunnels || magd.TunnelDeletionDelay != 0 || magd.HeartbeatInterval != 0 || magd.MissingHeartbeatsAllowed != 5 {
		t.Errorf("%+v", magd)
	}
	if local := magd.Profiles[0].MAGLocalRouting; local == nil || *local || !magd.Profiles[0].IPv4Mobility || !magd.Fallback.IPv4Mobility {
		t.Errorf("%+v", magd.Profiles)
	}
	lmad, err := LoadLmad(write(t, `
lma: {address: "2001:db8:f0::ff", pools: ["2001:db8:1000::/40"], revoke_at_unknown_handover: true, bri_max_retries_number: 3, init_min_delay_bris: 500ms, max_brack_timeout: 4s, mobile_node_generated_timestamp_in_use: true}
mags: [{address: "2001:db8:f0::1", mobile_nodes: ["*@example.net"], home_network_prefixes: ["2001:db8:1000::/40", 10.64.0.0/16]}, {address: "2001:db8:f0::2"}]
security: {mode: none}
`))
	if err != nil {
		t.Fatal(err)
	}
	if !lmad.RevokeAtUnknownHandover || lmad.BRIMaxRetriesNumber != 3 || lmad.InitMINDelayBRIs != 500*time.Millisecond || lmad.MaxBRAckTimeout != 4*time.Second || !lmad.MobileNodeGeneratedTimestampInUse ||
		len(lmad.MAGs[0].HomeNetworkPrefixes) != 2 || lmad.MAGs[0].MobileNodes[0] != "*@example.net" || lmad.MAGs[1].MobileNodes != nil || lmad.HeartbeatInterval != time.Minute {
		t.Errorf("%+v", lmad)
	}
}
