package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlmm/mobility"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheExamplesLoad(t *testing.T) {
	magd, err := LoadMagd("examples/magd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if magd.Lifetime != 5*time.Minute || magd.LMAs[0].Identity != "lma.example.net" || !magd.LMAs[0].Initiate ||
		magd.AccessLinks[0].LinkLayerAddress != mobility.FixedMAGLinkLayerAddress || magd.Fallback == nil || magd.IdentityFromMAC {
		t.Errorf("examples/magd.yaml: %+v", magd)
	}
	lmad, err := LoadLmad("examples/lmad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if lmad.TimestampValidityWindow != 300*time.Millisecond || len(lmad.MAGs) != 2 || lmad.MAGs[0].Initiate || lmad.PrefixLength != 64 {
		t.Errorf("examples/lmad.yaml: %+v", lmad)
	}
	mihd, err := LoadMihd("examples/mihd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(mihd.MIH.Peers) != 1 || !mihd.MIH.Peers[0].Protected || mihd.OtherPeers[0].Initiate || mihd.Hostapd[0].Interface != "wlan0" {
		t.Errorf("examples/mihd.yaml: %+v", mihd)
	}
}

// TestEveryKeyOfTheExamplesIsReal uncomments the examples, so that no key in them is one that the daemons refuse.
func TestEveryKeyOfTheExamplesIsReal(t *testing.T) {
	for _, name := range []string{"magd", "lmad", "mihd"} {
		text, err := os.ReadFile("examples/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		file := write(t, uncomment(string(text)))
		switch name {
		case "magd":
			_, err = LoadMagd(file)
		case "lmad":
			_, err = LoadLmad(file)
		case "mihd":
			_, err = LoadMihd(file)
		}
		var all *Error
		if err != nil && !errors.As(err, &all) {
			t.Fatalf("%s.yaml: %v", name, err)
		}
		if all == nil {
			continue
		}
		for _, problem := range all.Problems {
			// What the example shows as a choice, and files that are not here.
			if !strings.Contains(problem.Want, "no such file") && !strings.Contains(problem.Want, "want one way to authenticate") &&
				!strings.Contains(problem.Want, "want radius in policy.order") {
				t.Errorf("%s.yaml: %v", name, problem)
			}
		}
	}
}

// uncomment takes the mark off commented keys, and leaves sentences.
func uncomment(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		body, commented := strings.CutPrefix(line[len(indent):], "# ")
		key, _, isKey := strings.Cut(strings.TrimPrefix(strings.TrimSpace(body), "- "), ":")
		if commented && isKey && !strings.ContainsAny(key, " `") && key == strings.ToLower(key) {
			line = indent + body
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func TestAllProblemsAreListedAtOnce(t *testing.T) {
	file := write(t, `
mag:
  proxy_care_of_address: fe80::1
  lifetime: 300
  on_stop: explode
  colour: red
lmas:
  - address: 192.0.2.1
    managed_by: hand
access_links: []
adapters:
  hostapd: [{control_socket: /run/hostapd/wlan9, interface: wlan9}]
metrics: {listen: "0.0.0.0:9521"}
policy: {default: perhaps, mobile_nodes: [{nai: a@b, mac: "02:00:00:00:00:01"}, {nai: "A.b@Example.NET", lma: "2001:db8::9"}]}
`)
	_, err := LoadMagd(file)
	var all *Error
	if !errors.As(err, &all) {
		t.Fatalf("error %v, want *Error", err)
	}
	for _, want := range []string{
		"mag.proxy_care_of_address", "lifetime", "mag.on_stop", "colour", "lmas[0].address", "lmas[0].identity", "lmas[0].managed_by",
		"access_links", "adapters.hostapd[0].interface", "metrics.listen", "policy.default", "policy.mobile_nodes[0]",
		"policy.mobile_nodes[1].lma", "security.mode",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no word of %s in:\n%v", want, err)
		}
	}
}

const smallest = `
mag: {proxy_care_of_address: "2001:db8:f0::1"}
lmas: [{address: "2001:db8:f0::ff"}]
access_links: [{interface: acc0, access_technology_type: ethernet}]
adapters: {hostapd: [{control_socket: /run/x, interface: acc0}]}
security: {mode: none}
policy: {default: deny, mobile_nodes: [{nai: Mixed.Case@Example.NET, lifetime: 8s}]}
`

func TestNamesKeepTheirCaseAndDots(t *testing.T) {
	c, err := LoadMagd(write(t, smallest))
	if err != nil {
		t.Fatal(err)
	}
	if c.Profiles[0].MobileNodeID != mobility.NAI("Mixed.Case@Example.NET") || c.Fallback != nil || !c.None {
		t.Errorf("%+v", c)
	}
}

func TestTheEnvironmentOverridesScalars(t *testing.T) {
	t.Setenv("NETLMM_MAG_LIFETIME", "16s")
	t.Setenv("NETLMM_MAG_RE_REGISTRATION_MARGIN", "4s")
	t.Setenv("NETLMM_MAG_MAXIMUM_MOBILE_NODES", "7")
	t.Setenv("NETLMM_MAG_TIMESTAMP_BASED_APPROACH_IN_USE", "false")
	t.Setenv("NETLMM_SECURITY_FILTER", "false") // counts in the file only
	c, err := LoadMagd(write(t, smallest))
	if err != nil {
		t.Fatal(err)
	}
	if c.Lifetime != 16*time.Second || c.MaximumMobileNodes != 7 || c.TimestampBasedApproachInUse || !c.Filter {
		t.Errorf("lifetime %v, maximum %d, timestamps %v, filter %v", c.Lifetime, c.MaximumMobileNodes, c.TimestampBasedApproachInUse, c.Filter)
	}
}

func TestSecretsMustBePrivate(t *testing.T) {
	key := filepath.Join(t.TempDir(), "psk")
	if err := os.WriteFile(key, []byte("secret-text"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := LoadMagd(write(t, strings.Replace(strings.Replace(smallest, "mode: none", "mode: ipsec", 1), `"2001:db8:f0::ff"`,
		`"2001:db8:f0::ff", identity: lma, local_identity: mag, managed_by: netlmm, preshared_key_file: `+key, 1)))
	if err == nil || !strings.Contains(err.Error(), "chmod 600") || strings.Contains(err.Error(), "secret-text") {
		t.Errorf("error %v, want one that says chmod 600 and not the secret", err)
	}
}

func TestLmadRefusesPoolsThatCannotWork(t *testing.T) {
	_, err := LoadLmad(write(t, `
lma: {address: "2001:db8:f0::ff", pools: ["2001:db8::/32", "2001:db8:1::/48", "2001:db9::/72", "2001:dba::1/64"]}
mags: [{address: "2001:db8:f0::1"}, {address: "2001:db8:f0::1"}]
security: {mode: none}
policy:
  mobile_nodes:
    - {nai: a@example.net, home_network_prefixes: ["2001:db8:7::/64", "2001:dbb:1::/64"]}
    - {nai: b@example.net, home_network_prefixes: ["2001:dbb:1::/64", "2001:dbb::/56"]}
`))
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"overlaps lma.pools[0]", "smaller than one prefix", "has bits behind its length", "holds lma.address", "stands twice",
		"lies in lma.pools[0]", "belongs to a@example.net already", "want a length of 64"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

func TestAMissingFileSaysWhatToDo(t *testing.T) {
	if _, err := LoadMagd("/nonexistent/magd.yaml"); err == nil || !strings.Contains(err.Error(), "--config") {
		t.Errorf("error %v", err)
	}
	if _, err := LoadLmad(write(t, "lma: [unclosed")); err == nil {
		t.Error("broken YAML accepted")
	}
}
