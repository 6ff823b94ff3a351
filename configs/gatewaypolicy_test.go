package configs

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// noPolicy is the smallest configuration without its last line.
var noPolicy = smallest[:strings.Index(smallest, "policy:")]

// profilesFrom loads a gateway's configuration whose profiles come from a file as well.
func profilesFrom(t *testing.T, inline, file string) (*Magd, string, error) {
	t.Helper()
	path := write(t, file)
	c, err := LoadMagd(write(t, noPolicy+"policy: {profiles_file: "+path+", mobile_nodes: ["+inline+"]}\n"))
	return c, path, err
}

func TestProfilesComeFromAFileToo(t *testing.T) {
	c, path, err := profilesFrom(t, `{nai: "a@x"}`, "mobile_nodes: [{nai: b@x, home_network_prefixes: [\"2001:db8:1::/64\"]}]")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Profiles) != 2 || c.Profiles[1].MobileNodeID != mobility.NAI("b@x") || c.Profiles[1].HomeNetworkPrefixes[0] != netip.MustParsePrefix("2001:db8:1::/64") {
		t.Errorf("%+v", c.Profiles)
	}
	rewrite := func(text string) ([]mobility.Profile, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return c.ReadProfiles()
	}
	for text, want := range map[string]string{
		"mobile_nodes: [{nai: c@x}, {nai: d@x, lifetime: soon}, {nai: e@x, lma: \"2001:db8::99\"}, {nai: a@x}, {nai: c@x}]": "mobile_nodes[1].lifetime mobile_nodes[2].lma mobile_nodes[3] mobile_nodes[4]",
		"mobile_node: []":           "mobile_node",
		"mobile_nodes:\n\t- nai: a": "tab",
		"":                          "mobile_nodes",
		"# to be written\n":         "mobile_nodes",
		"mobile_nodes:\n":           "mobile_nodes",
		"mobile_nodes: []":          "",
	} {
		_, err := rewrite(text)
		if want == "" && err != nil {
			t.Errorf("%q: %v", text, err)
		}
		for word := range strings.FieldsSeq(want) {
			if err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), path) {
				t.Errorf("%q: %v, want %s", text, err, word)
			}
		}
	}
	if profiles, err := rewrite("mobile_nodes: [{nai: c@x}]"); err != nil || len(profiles) != 2 || profiles[1].MobileNodeID != mobility.NAI("c@x") {
		t.Errorf("%+v, %v", profiles, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadProfiles(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("a file that is gone: %v", err)
	}
}

func TestABadFileOfProfilesIsAProblemOfTheConfiguration(t *testing.T) {
	_, _, err := profilesFrom(t, "", "mobile_nodes: [{nai: b@x, mac: \"02:00:00:00:00:01\"}]")
	var all *Error
	if !errors.As(err, &all) || len(all.Problems) != 1 || all.Problems[0].Key != "policy.profiles_file" {
		t.Errorf("%v", err)
	}
	if c, err := LoadMagd(write(t, noPolicy+"policy: {profiles_file: "+mustAbsolute(t, "examples/mobile_nodes.yaml")+"}\n")); err != nil || len(c.Profiles) != 3 {
		t.Errorf("examples/mobile_nodes.yaml: %v", err)
	}
}

func mustAbsolute(t *testing.T, path string) string {
	t.Helper()
	directory, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return directory + "/" + path
}

func TestAnchorsOfRealms(t *testing.T) {
	text := strings.Replace(noPolicy, "lmas: [{", `lmas: [{name: second, address: "2001:db8:f0::fe"}, {`, 1)
	c, err := LoadMagd(write(t, text+`policy: {lma_selection: hash, registered_at_dead_lma: move, realms: [{realm: "*.Example.org", lmas: [second]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if !c.MoveFromDead || c.Anchors.Selection != policy.Hash || len(c.Anchors.LMAs) != 2 || c.Anchors.Realms[0].Pattern != "*.example.org" || c.Anchors.Realms[0].LMAs[0] != c.LMAs[0].Address {
		t.Errorf("%+v", c.Anchors)
	}
	_, err = LoadMagd(write(t, text+`policy: {lma_selection: best, realms: [{realm: "a@b", lmas: [third]}, {realm: c}], same_identity: swap}`))
	for _, key := range []string{"policy.lma_selection", "policy.realms[0].realm", "policy.realms[0].lmas[0]", "policy.realms[1].lmas", "policy.same_identity"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%v: want %s", err, key)
		}
	}
}

func TestRADIUSServersAndClients(t *testing.T) {
	secret := write(t, "sixteen octets or more\n")
	radius := `order: [file, radius], radius: {servers: [{address: "2001:db8::5", secret_file: FILE}], dynamic_authorization: {listen: "[::]:3799", clients: [{address: "2001:db8::/64", secret_file: FILE}]}}`
	text := noPolicy + "policy: {" + strings.ReplaceAll(radius, "FILE", secret) + "}\n"
	c, err := LoadMagd(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	r := c.AAA
	if len(c.Order) != 2 || r.Servers[0].Address != netip.MustParseAddrPort("[2001:db8::5]:1812") || r.Servers[0].Name != "2001:db8::5" || r.NASIdentifier == "" ||
		r.DynamicAuthorization.Clients[0].Addresses != netip.MustParsePrefix("2001:db8::/64") || !r.DynamicAuthorization.RequireTimestamp {
		t.Errorf("%+v", c.Policy)
	}
	for _, change := range [][3]string{
		{"[file, radius]", "[file]", "policy.radius.servers"},
		{"[file, radius]", "[]", "policy.order"},
		{"[file, radius]", "[radius, radius]", "policy.order[1]"},
		{"[file, radius]", "[radius], mobile_nodes: [{nai: a@x}]", "policy.order"},
		{"order:", "default: deny, on_silence: default, order:", "policy.on_silence"},
		{"2001:db8::5", "nowhere", "policy.radius.servers[0].address"},
		{"2001:db8::/64", "2001:db8::1/64", "clients[0].address"},
		{"[::]:3799", "3799", "dynamic_authorization.listen"},
		{secret, "/nonexistent", "secret_file"},
	} {
		if _, err := LoadMagd(write(t, strings.Replace(text, change[0], change[1], 1))); err == nil || !strings.Contains(err.Error(), change[2]) {
			t.Errorf("%s: %v, want %s", change[1], err, change[2])
		}
	}
	if err := os.Chmod(secret, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadMagd(write(t, text)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a secret that others can read: %v", err)
	}
}
