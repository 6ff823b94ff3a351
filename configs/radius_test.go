package configs

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

// accounting is gateway with RADIUS accounting; its secrets are in a folder that is written in place of FOLDER.
const accounting = `
mag: {proxy_care_of_address: "2001:db8:f0::1"}
lmas: [{address: "2001:db8:f0::ff", identity: lma, managed_by: swanctl}]
access_links: [{interface: acc0}, {interface: acc1, access_technology_type: ethernet}]
adapters:
  radius:
    listen: "[::]:1813"
    session_timeout: 3
    clients:
      - {address: 192.0.2.10, secret_file: FOLDER/secret, interface: acc0, point_of_attachment: "02:00:00:00:00:01"}
      - address: 2001:db8:a::/48
        secret_file: FOLDER/secret
        require_message_authenticator: true
        links: [{access_point: "ap: 1", ssid: "my net: 2", vlan: "20", interface: acc1}, {ssid: guests, interface: acc0}]
    forward_to: {address: "192.0.2.5:1813", secret_file: FOLDER/secret}
security: {mode: ipsec}
`

func withSecret(t *testing.T, text string) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "secret"), []byte("what nobody else knows\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "public"), []byte("what everybody knows\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text, "FOLDER", folder)
}

func TestRadiusIsRead(t *testing.T) {
	text := withSecret(t, accounting)
	c, err := LoadMagd(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	secret := c.Radius.Clients[0].SecretFile
	want := Radius{
		Listen: netip.MustParseAddrPort("[::]:1813"), Identity: []string{"chargeable_user_identity", "user_name"}, RateLimit: 2000, SessionTimeout: 3,
		Clients: []RadiusClient{
			{netip.MustParsePrefix("192.0.2.10/32"), secret, false, []RadiusLink{{"", "", "", "acc0", mih.MACAddress([6]byte{2, 0, 0, 0, 0, 1}), mih.LinkType80211}}},
			{netip.MustParsePrefix("2001:db8:a::/48"), secret, true, []RadiusLink{
				{"ap: 1", "my net: 2", "20", "acc1", mih.LinkAddress{}, mih.LinkTypeEthernet}, {"", "guests", "", "acc0", mih.LinkAddress{}, mih.LinkType80211}}},
		},
		Forward: RadiusForward{Server: netip.MustParseAddrPort("192.0.2.5:1813"), SecretFile: secret},
	}
	if !reflect.DeepEqual(c.Radius, want) {
		t.Errorf("got  %+v\nwant %+v", c.Radius, want)
	}
	for _, s := range c.Settings {
		if value, _ := s.Value.(string); strings.Contains(value, "nobody else") {
			t.Errorf("%+v shows the secret", s)
		}
	}
	if got := find(t, c.Settings, "adapters.radius.clients[1].links[0].vlan"); got.Value != "20" {
		t.Errorf("%+v", got)
	}
	c, err = LoadMagd(write(t, edit(t, edit(t, text, "session_timeout: 3", "identity: [user_name]\n    interim_interval: 10m"), "forward_to: {", "forward_to: {answer: always, ")))
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Radius; !reflect.DeepEqual(r.Identity, []string{"user_name"}) || r.InterimInterval != 10*time.Minute || r.SessionTimeout != 0 || !r.Forward.Always {
		t.Errorf("%+v", r)
	}
}

func TestRadiusAtAnAccessPointWithoutGateway(t *testing.T) {
	text := function[:strings.Index(function, "adapters:")] + withSecret(t, `adapters: {radius: {listen: "127.0.0.1:1813", clients: [{address: 127.0.0.1, secret_file: FOLDER/secret, interface: wlan0}]}}
security: {mode: none}
`)
	c, err := LoadMihd(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Radius.Clients[0].Links[0]; l.Interface != "wlan0" || l.LinkType != mih.LinkType80211 {
		t.Errorf("%+v", l)
	}
}

func TestRadiusThatCannotBeIsRefused(t *testing.T) {
	text := withSecret(t, accounting)
	for name, c := range map[string]refusal{
		"no clients":                  {"clients:\n", "identity: [user_name]\n    unclients:\n", "adapters.radius.clients: is missing"},
		"no listener":                 {`listen: "[::]:1813"`, `listen: ""`, "adapters.radius.listen: is missing although there are clients"},
		"any port":                    {"[::]:1813", "[::]:0", "adapters.radius.listen"},
		"an identity of a third kind": {"session_timeout: 3", "identity: [imsi]", `adapters.radius.identity[0]: "imsi"`},
		"no identity":                 {"session_timeout: 3", "identity: []", "adapters.radius.identity: is empty"},
		"no rate":                     {"session_timeout: 3", "rate_limit: 0", "adapters.radius.rate_limit"},
		"a duration as a number":      {"session_timeout: 3", "session_timeout: 30m", "want a whole number"},
		"an interval without unit":    {"session_timeout: 3", "interim_interval: 600", "interim_interval"},
		"a client of all":             {"192.0.2.10", "0.0.0.0/0", "not everyone"},
		"a client twice":              {"2001:db8:a::/48", "192.0.2.10", "clients[1].address: \"192.0.2.10\": stands twice"},
		"a client that is not heard":  {"[::]:1813", "192.0.2.1:1813", "clients[1].address: \"2001:db8:a::/48\": is never heard"},
		"no interface":                {"interface: acc0, point", "point", "clients[0].interface"},
		"a foreign interface":         {"interface: acc0, point", "interface: acc7, point", "want the interface of one of access_links"},
		"a link of all":               {"{ssid: guests, ", "{", "clients[1].links[1]: has none of access_point, ssid and vlan"},
		"an SSID too long":            {"guests", strings.Repeat("x", 33), "links[1].ssid"},
		"a VLAN that is no text":      {`vlan: "20"`, "vlan: 20", "want text"},
		"a point of no effect":        {"require_message_authenticator: true", "point_of_attachment: \"02:00:00:00:00:02\"", "has no effect without interface"},
		"a secret for all to read":    {"secret, interface", "public, interface", "clients[0].secret_file"},
		"no secret":                   {"secret_file: " + secretFolder(text) + "/secret, interface", "interface", "clients[0].secret_file"},
		"forwarded to itself":         {"192.0.2.5:1813", "[::]:1813", "is adapters.radius.listen"},
		"forwarded without secret":    {"192.0.2.5:1813\", secret_file: " + secretFolder(text) + "/secret", "192.0.2.5:1813\"", "forward_to.secret_file"},
		"forwarded to nobody":         {`address: "192.0.2.5:1813", `, "", "forward_to.address: is missing"},
		"answered in a third way":     {"forward_to: {", "forward_to: {answer: never, ", "forwarded, always"},
		"the secret in the open":      {"secret_file: " + secretFolder(text) + "/secret, interface", "secret: abc, interface", "unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadMagd(write(t, edit(t, text, c.old, c.with)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func secretFolder(text string) string {
	_, after, _ := strings.Cut(text, "secret_file: ")
	folder, _, _ := strings.Cut(after, "/secret")
	return folder
}
