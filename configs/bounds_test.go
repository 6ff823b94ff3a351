package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const gateway = `
mag: {proxy_care_of_address: "2001:db8:f0::1"}
lmas: [{address: "2001:db8:f0::ff", identity: lma, managed_by: swanctl}]
access_links: [{interface: acc0}]
adapters: {hostapd: [{control_socket: /run/hostapd/wlan0, interface: acc0}]}
security: {mode: ipsec}
`

const anchor = `
lma: {address: "2001:db8:f0::ff", pools: ["2001:db8:1000::/40"]}
mags: [{name: one, address: "2001:db8:f0::1", identity: mag1, managed_by: swanctl}, {name: two, address: "2001:db8:f0::2", identity: mag2, managed_by: swanctl}]
security: {mode: ipsec}
`

// edit replaces one text, which must be there, and appends another.
func edit(t *testing.T, text, old, with string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q to replace", old)
	}
	return strings.Replace(text, old, with, 1)
}

type refusal struct{ old, with, want string }

var gatewayRefusals = map[string]refusal{
	"first retransmission after the longest": {"mag: {", "mag: {initial_bindack_timeout: 10s, max_bindack_timeout: 5s, ", "mag.initial_bindack_timeout: \"10s\": want at most mag.max_bindack_timeout"},
	"presence known too late":                {"mag: {", "mag: {presence_timeout: 40s, ", "want at most mag.re_registration_margin, 30s"},
	"margin beyond the lifetime":             {"mag: {", "mag: {lifetime: 20s, ", "mag.re_registration_margin: \"30s\": want a duration from 1s to 15s"},
	"no retransmission timer":                {"mag: {", "mag: {initial_bindack_timeout: 0s, ", "mag.initial_bindack_timeout"},
	"too many mobile nodes":                  {"mag: {", "mag: {maximum_mobile_nodes: 65536, ", "want a whole number from 1 to 65535"},
	"a cut number":                           {"mag: {", "mag: {maximum_mobile_nodes: 1.5, ", "maximum_mobile_nodes: \"1.5\": want a whole number"},
	"a number beyond all":                    {"mag: {", "mag: {maximum_mobile_nodes: 18446744073709551615, ", "want a whole number"},
	"loopback":                               {`"2001:db8:f0::1"`, `"::1"`, "want a global unicast"},
	"LMA at this end":                        {"2001:db8:f0::ff", "2001:db8:f0::1", "lmas[0].address: \"2001:db8:f0::1\": is mag.proxy_care_of_address"},
	"interface of 16 characters":             {"interface: acc0}]\nadapters", "interface: abcdefghijklmnop}]\nadapters", "1 to 15 characters"},
	"interface with a slash":                 {"interface: acc0}]\nadapters", "interface: a/b}]\nadapters", "access_links[0].interface"},
	"uplink of 16 characters":                {"security:", "forwarding: {uplink: abcdefghijklmnop}\nsecurity:", "forwarding.uplink"},
	"uplink is access link":                  {"security:", "forwarding: {uplink: acc0}\nsecurity:", "is forwarding.uplink"},
	"device of 16 characters":                {"mode: ipsec", "mode: ipsec, ipsec_device: abcdefghijklmnop", "security.ipsec_device"},
	"small MTU":                              {"interface: acc0}]\nadapters", "interface: acc0, mtu: 1279}]\nadapters", "want 1280 to 65535"},
	"large MTU":                              {"interface: acc0}]\nadapters", "interface: acc0, mtu: 65536}]\nadapters", "want 1280 to 65535"},
	"group address":                          {"interface: acc0}]\nadapters", "interface: acc0, link_layer_address: \"33:33:00:00:00:01\"}]\nadapters", "no group"},
	"zoned link-local address":               {"interface: acc0}]\nadapters", "interface: acc0, link_local_address: fe80::1%eth0}]\nadapters", "link_local_address"},
	"back-off":                               {"mode: ipsec", "mode: ipsec, initiate_backoff_first: 10s", "security.initiate_backoff_first: \"10s\": want at most security.initiate_backoff_longest, 5s"},
	"vici as URI":                            {"mode: ipsec", "mode: ipsec, vici_socket: unix:///run/charon.vici", `want the path alone, "/run/charon.vici"`},
	"relative vici socket":                   {"mode: ipsec", "mode: ipsec, vici_socket: charon.vici", "security.vici_socket: \"charon.vici\": want an absolute path"},
	"relative admin socket":                  {"security:", "admin: {socket: magd.sock}\nsecurity:", "admin.socket: \"magd.sock\": want an absolute path"},
	"long admin socket":                      {"security:", "admin: {socket: /" + strings.Repeat("a", 80) + "}\nsecurity:", "admin.socket"},
	"long control socket":                    {"/run/hostapd/wlan0", "/" + strings.Repeat("a", 107), "control_socket"},
	"relative control socket":                {"/run/hostapd/wlan0", "wlan0", "control_socket"},
	"metrics on any port":                    {"security:", "metrics: {listen: \"127.0.0.1:0\"}\nsecurity:", "metrics.listen"},
	"ignored key file":                       {"managed_by: swanctl", "managed_by: swanctl, preshared_key_file: /etc/key", "lmas[0].preshared_key_file: has no effect with managed_by: swanctl"},
	"ignored certificate":                    {"managed_by: swanctl", "managed_by: swanctl, ca_certificate_file: /etc/ca", "lmas[0].ca_certificate_file: has no effect"},
	"ignored proposals":                      {"managed_by: swanctl", "managed_by: swanctl, esp_proposals: [aes128gcm16]", "lmas[0].esp_proposals: has no effect"},
	"two hostapd entries of one socket":      {"interface: acc0}]}", "interface: acc0}, {control_socket: /run/hostapd//wlan0, interface: acc0}]}", "adapters.hostapd[1].control_socket"},
	"a socket by its directory":              {"{control_socket: /run/hostapd/wlan0", "{control_socket: /run/hostapd, interface: acc0}, {control_socket: /run/hostapd/acc0", "adapters.hostapd[1].control_socket"},
	"threshold without poll":                 {"interface: acc0}]}", "interface: acc0, going_down_threshold: -75}]}", "want both"},
	"poll without threshold":                 {"interface: acc0}]}", "interface: acc0, signal_poll_interval: 1s}]}", "want both"},
	"hasty poll":                             {"interface: acc0}]}", "interface: acc0, signal_poll_interval: 1ms, going_down_threshold: -75}]}", "signal_poll_interval"},
	"positive threshold":                     {"interface: acc0}]}", "interface: acc0, signal_poll_interval: 1s, going_down_threshold: 75}]}", "from -110 to -1"},
	"no hysteresis":                          {"interface: acc0}]}", "interface: acc0, going_down_hysteresis: 0}]}", "going_down_hysteresis"},
	"distant going down":                     {"interface: acc0}]}", "interface: acc0, going_down_interval: 70s}]}", "going_down_interval"},
	"signal of a wire":                       {"interface: acc0}]\nadapters: {hostapd: [{", "interface: acc0, access_technology_type: ethernet}]\nadapters: {hostapd: [{link_detected: true, ", "is ethernet"},
	"syslog from everyone":                   {"adapters: {", "adapters: {ciscosyslog: {listen: \"[::]:514\", sources: [{address: \"::/0\", interface: acc0}]}, ", "not everyone"},
	"syslog from all of IPv4":                {"adapters: {", "adapters: {ciscosyslog: {listen: \"[::]:514\", sources: [{address: 0.0.0.0/0, interface: acc0}]}, ", "not everyone"},
	"syslog source never heard":              {"adapters: {", "adapters: {ciscosyslog: {listen: \"[::1]:514\", sources: [{address: 192.0.2.1, interface: acc0}]}, ", "is never heard"},
	"mapped syslog source":                   {"adapters: {", "adapters: {ciscosyslog: {listen: \"[::]:514\", sources: [{address: \"::ffff:192.0.2.1\", interface: acc0}]}, ", "want an IPv4 address as such: 192.0.2.1"},
	"syslog source twice":                    {"adapters: {", "adapters: {ciscosyslog: {listen: \"[::]:514\", sources: [{address: 192.0.2.1, interface: acc0}, {address: 192.0.2.1, interface: acc0}]}, ", "sources[1]: \"192.0.2.1\": stands twice"},
	"syslog without a listener":              {"adapters: {", "adapters: {ciscosyslog: {sources: [{address: 192.0.2.1, interface: acc0}]}, ", "ciscosyslog.listen: is missing although"},
	"syslog over TCP from nobody":            {"adapters: {", "adapters: {ciscosyslog: {listen_tcp: \"[::]:601\"}, ", "ciscosyslog.sources: is missing"},
	"syslog over TCP never heard":            {"adapters: {", "adapters: {ciscosyslog: {listen_tcp: \"[::1]:601\", sources: [{address: 192.0.2.1, interface: acc0}]}, ", "is never heard at adapters.ciscosyslog.listen_tcp"},
	"octet counting of nothing":              {"adapters: {", "adapters: {ciscosyslog: {listen: \"[::]:514\", octet_counting_only: true, sources: [{address: 192.0.2.1, interface: acc0}]}, ", "octet_counting_only: \"true\": is about"},
	"hostapd VLAN twice":                     {"interface: acc0}]}", "interface: acc0, vlans: [{vlan_id: 7, interface: acc0}, {vlan_id: 7, interface: acc0}]}]}", "vlans[1].vlan_id: \"7\": stands twice"},
	"hostapd VLAN of no link":                {"interface: acc0}]}", "interface: acc0, vlans: [{vlan_id: 7, interface: acc9}]}]}", "vlans[0].interface: \"acc9\": want the interface of one of access_links"},
	"hostapd VLAN of no number":              {"interface: acc0}]}", "interface: acc0, vlans: [{interface: acc0}]}]}", "vlans[0].vlan_id: \"0\": want a whole number from 1 to 4094"},
	"syslog on any port":                     {"adapters: {", "adapters: {ciscosyslog: {listen: \"[::]:0\", sources: [{address: 192.0.2.1, interface: acc0}]}, ", "ciscosyslog.listen"},
	"multicast home network prefix":          {"security:", "policy: {mobile_nodes: [{nai: a, home_network_prefixes: [\"ff02::/64\"]}]}\nsecurity:", "multicast"},
	"17 home network prefixes":               {"security:", "policy: {mobile_nodes: [{nai: a, home_network_prefixes: [" + prefixes(17) + "]}]}\nsecurity:", "want at most 16"},
	"home network prefix twice":              {"security:", "policy: {mobile_nodes: [{nai: a, home_network_prefixes: [\"2001:db8:1::/64\", \"2001:db8:1::/64\"]}]}\nsecurity:", "home_network_prefixes[1]"},
	"long NAI":                               {"security:", "policy: {mobile_nodes: [{nai: " + strings.Repeat("a", 251) + "}]}\nsecurity:", "at most 250"},
	"identity of what is not known":          {"security:", "policy: {identity: mac, mobile_nodes: [{nai: a}]}\nsecurity:", "matches nobody with policy.identity mac"},
	"identity of two mobile nodes":           {"security:", "policy: {mobile_nodes: [{nai: a}, {nai: b, also_known_as: [a]}]}\nsecurity:", "stands twice"},
	"identity of nobody":                     {"security:", "policy: {mobile_nodes: [{nai: b, also_known_as: [\"\"]}]}\nsecurity:", "also_known_as[0]"},
	"one prefix for several devices":         {"security:", "policy: {mobile_nodes: [{nai: b, several_devices: true, home_network_prefixes: [\"2001:db8:1::/64\"]}]}\nsecurity:", "want one of them only"},
	"identity of a third kind":               {"security:", "policy: {identity: imsi}\nsecurity:", "authenticated, mac"},
}

var anchorRefusals = map[string]refusal{
	"MAG at this end":           {`"2001:db8:f0::1"`, `"2001:db8:f0::ff"`, "mags[0].address: \"2001:db8:f0::ff\": is lma.address"},
	"multicast pool":            {"2001:db8:1000::/40", "ff00::/40", "multicast"},
	"pool of everything":        {"2001:db8:1000::/40", "::/0", "unspecified"},
	"link-local pool":           {"2001:db8:1000::/40", "fe80::/32", "link-local"},
	"pool of 2^49 prefixes":     {"2001:db8:1000::/40", "3e00::/15", "has more than 2^48"},
	"pool with a gateway":       {"2001:db8:1000::/40", "2001:db8:f0::/60", "holds mags[0].address"},
	"static with a gateway":     {"security:", "policy: {mobile_nodes: [{nai: a, home_network_prefixes: [\"2001:db8:f0::/64\"]}]}\nsecurity:", "holds mags[1].address"},
	"identities at an anchor":   {"security:", "policy: {mobile_nodes: [{nai: a, several_devices: true}]}\nsecurity:", "magd.yaml"},
	"nine static prefixes":      {"security:", "policy: {mobile_nodes: [{nai: a, home_network_prefixes: [" + prefixes(9) + "]}]}\nsecurity:", "want at most 8"},
	"no binding":                {"lma: {", "lma: {maximum_bindings: 0, ", "lma.maximum_bindings"},
	"half a binding":            {"lma: {", "lma: {maximum_bindings: 0.5, ", "want a whole number"},
	"no delay":                  {"lma: {", "lma: {min_delay_before_bce_delete: 0s, ", "lma.min_delay_before_bce_delete"},
	"a lifetime of no unit":     {"lma: {", "lma: {maximum_lifetime: 3s, ", "lma.maximum_lifetime"},
	"relative store":            {"security:", "store: {path: lmad.db}\nsecurity:", "store.path: \"lmad.db\": want an absolute path"},
	"two gateways of one name":  {"name: two", "name: one", "mags[1].name: \"one\": stands twice"},
	"two gateways of one child": {"managed_by: swanctl}, {", "managed_by: swanctl, connection: c, child: mh}, {connection: c, child: mh, ", "mags[1].connection"},
	"a gateway's ignored key":   {"managed_by: swanctl", "managed_by: swanctl, private_key_file: /etc/key", "mags[0].private_key_file: has no effect"},
}

// prefixes writes n home network prefixes.
func prefixes(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%q", fmt.Sprintf("2001:db8:2000:%x::/64", i+1)))
	}
	return strings.Join(list, ", ")
}

// TestWhatTheDaemonsCannotUseIsRefused: a configuration that a machine, a backend or an adapter would refuse, or that means
// something else than its author thinks, is no good one for --check either.
func TestWhatTheDaemonsCannotUseIsRefused(t *testing.T) {
	loadMagd := func(file string) error { _, err := LoadMagd(file); return err }
	loadLmad := func(file string) error { _, err := LoadLmad(file); return err }
	loadMihd := func(file string) error { _, err := LoadMihd(file); return err }
	for _, daemon := range []struct {
		base     string
		load     func(string) error
		refusals map[string]refusal
	}{
		{gateway, loadMagd, gatewayRefusals}, {anchor, loadLmad, anchorRefusals}, {preparing, loadMagd, preparingRefusals}, {function, loadMihd, functionRefusals},
		{finding, loadMagd, findingRefusals}, {server, loadMihd, serverRefusals},
	} {
		if err := daemon.load(write(t, daemon.base)); err != nil {
			t.Fatal(err)
		}
		for name, c := range daemon.refusals {
			t.Run(name, func(t *testing.T) {
				err := daemon.load(write(t, edit(t, daemon.base, c.old, c.with)))
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
			})
		}
	}
}

func TestTooManyAccessLinksAreRefused(t *testing.T) {
	var links []string
	for i := range 256 {
		links = append(links, fmt.Sprintf("{interface: acc%d}", i))
	}
	_, err := LoadMagd(write(t, edit(t, gateway, "{interface: acc0}]\nadapters", strings.Join(links, ", ")+"]\nadapters")))
	if err == nil || !strings.Contains(err.Error(), "at most 255") {
		t.Errorf("error %v", err)
	}
}

// Connections that the daemon loads replace each other when they have one name.
func TestLoadedConnectionsHaveNamesOfTheirOwn(t *testing.T) {
	key := filepath.Join(t.TempDir(), "psk")
	if err := os.WriteFile(key, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	peer := `{name: %s, address: "2001:db8:f0::%s", identity: i, local_identity: l, managed_by: netlmm, preshared_key_file: ` + key + `, connection: %s}`
	text := func(second string) string {
		i := strings.Index(anchor, "mags:")
		return anchor[:i] + "mags: [" + fmt.Sprintf(peer, "one", "1", "c") + ", " + fmt.Sprintf(peer, "two", "2", second) + "]\nsecurity: {mode: ipsec}\n"
	}
	if _, err := LoadLmad(write(t, text("d"))); err != nil {
		t.Error(err)
	}
	if _, err := LoadLmad(write(t, text("c"))); err == nil || !strings.Contains(err.Error(), "is the connection of one already") {
		t.Errorf("error %v", err)
	}
	if err := os.Truncate(key, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadLmad(write(t, text("d"))); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("error %v", err)
	}
}

func TestSignalWatchingAndIdentityAreRead(t *testing.T) {
	c, err := LoadMagd(write(t, edit(t, gateway, "interface: acc0}]}", `interface: acc0, signal_poll_interval: 500ms, going_down_threshold: -75,
  going_down_hysteresis: 3, going_down_interval: 2s, link_detected: true}, {control_socket: /run/hostapd/wlan1, interface: acc0}]}
policy: {identity: mac, mobile_nodes: [{mac: "02:00:00:00:00:01"}]}`)))
	if err != nil {
		t.Fatal(err)
	}
	h := c.Hostapd[0]
	if h.SignalPollInterval != 500*time.Millisecond || h.GoingDownThreshold != -75 || h.Hysteresis != 3 || h.GoingDownInterval != 2*time.Second || !h.LinkDetected {
		t.Errorf("%+v", h)
	}
	if d := c.Hostapd[1]; d.SignalPollInterval != 0 || d.GoingDownThreshold != 0 || d.Hysteresis != 5 || d.GoingDownInterval != 5*time.Second || d.LinkDetected {
		t.Errorf("defaults %+v", d)
	}
	if !c.IdentityFromMAC {
		t.Error("policy.identity mac is not read")
	}
}

// What protects the control channel may stand beside security.mode none, so that one line switches it off in a laboratory.
func TestPeersMayKeepTheirProtectionInALaboratory(t *testing.T) {
	text := edit(t, gateway, "managed_by: swanctl", "managed_by: netlmm, connection: c, preshared_key_file: /nonexistent")
	if _, err := LoadMagd(write(t, edit(t, text, "mode: ipsec", "mode: none"))); err != nil {
		t.Error(err)
	}
}

// TestOwnLinkLayerAddressIsNone: `own` is the all-zero FixedMAGLinkLayerAddressOnAllAccessLinks of RFC 5213 section 9.3.
func TestOwnLinkLayerAddressIsNone(t *testing.T) {
	c, err := LoadMagd(write(t, edit(t, gateway, "access_links: [{interface: acc0", "access_links: [{link_layer_address: own, interface: acc0")))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.AccessLinks[0].LinkLayerAddress; got != [6]byte{} {
		t.Errorf("%x", got)
	}
}
