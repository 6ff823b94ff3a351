package configs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"netlmm/mobility"
)

// web is an offload policy that is right.
const web = `offload_policies: [{name: web, selectors: [{correspondents: 192.0.2.0/24, correspondent_ports: 443, mobile_node_ports: "any", protocol: TCP, ds: 184-191}]},
    {name: inward, offload: others, selectors: [{correspondents: 10.0.0.1-10.0.0.9, protocol: 50, spi: 256-4294967295}, {protocol: 6-17}]}, {name: all, selectors: [{}]}]`

func TestOffloadPoliciesOfMobileNodes(t *testing.T) {
	nodes := `mobile_nodes: [{nai: a@x}, {nai: b@x, offload_policy: inward}, {nai: c@x, offload_policy: none}, {nai: d@x, offload_policy: all}, {nai: e@x, offload_policy: nothing}]`
	want := []string{
		"matching: source 192.0.2.0-192.0.2.255 source_port 443 ds 184-191 protocol 6",
		"others: source 10.0.0.1-10.0.0.9 spi 256-4294967295 protocol 50; protocol 6-17",
		"none", "matching: everything", "nothing",
	}
	check := func(what string, profiles []mobility.Profile, fallback *mobility.Profile) {
		t.Helper()
		var got []string
		for _, profile := range profiles {
			got = append(got, profile.OffloadPolicy.String())
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || fallback.OffloadPolicy != profiles[0].OffloadPolicy {
			t.Errorf("%s: %q and %v,\nwant %q", what, got, fallback.OffloadPolicy, want)
		}
	}
	policy := "policy: {ipv4: true, offload_policy: web, " + web
	magd, err := LoadMagd(write(t, noPolicy+policy+", "+nodes+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	check("magd", magd.Profiles, magd.Fallback)
	if magd.Everybody.OffloadPolicy != magd.Fallback.OffloadPolicy || len(magd.OffloadPolicies) != 4 || magd.OffloadNAT != "masquerade" || magd.EnableIPv4TrafficOffloadSupport {
		t.Errorf("%+v, NAT %s, enabled %v", magd.OffloadPolicies, magd.OffloadNAT, magd.EnableIPv4TrafficOffloadSupport)
	}
	lmad, err := LoadLmad(write(t, edit(t, anchor, "lma: {", "lma: {enable_ipv4_traffic_offload_support: true, ")+policy+", "+nodes+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	check("lmad", lmad.Profiles, lmad.Fallback)
	if !lmad.EnableIPv4TrafficOffloadSupport {
		t.Error("not enabled")
	}
	file := write(t, nodes) // the file of profiles says the names that the configuration has
	magd, err = LoadMagd(write(t, edit(t, noPolicy, "mag: {", "mag: {enable_ipv4_traffic_offload_support: true, ")+"forwarding: {offload_nat: none}\n"+policy+", profiles_file: "+file+"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	check("the file of profiles", magd.Profiles, magd.Fallback)
	if magd.OffloadNAT != "none" || !magd.EnableIPv4TrafficOffloadSupport {
		t.Errorf("NAT %s, enabled %v", magd.OffloadNAT, magd.EnableIPv4TrafficOffloadSupport)
	}
}

func TestAllProblemsOfOffloadPoliciesAtOnce(t *testing.T) {
	text := noPolicy + `forwarding: {offload_nat: perhaps}
policy:
  ipv4: true
  offload_policy: nobody
  mobile_nodes: [{nai: a@x, offload_policy: b}, {nai: c@x, ipv4: false, offload_policy: web}]
  offload_policies:
    - {name: web, offload: some, selectors: [{correspondents: 192.0.2.1/24}, {correspondents: "2001:db8::/32"}, {correspondents: 192.0.2.9-192.0.2.1}]}
    - {name: none, selectors: []}
    - {name: a b}
    - {name: web, selectors: [{correspondent_ports: 65536, mobile_node_ports: 90-80, protocol: 256, ds: 256, spi: 4294967296}]}
    - {name: never, selectors: [{protocol: icmp, mobile_node_ports: 1}, {protocol: tcp, spi: 1}, {spi: 1, correspondent_ports: 1}, {protocol: http}, {ds: [1]}]}
    - {name: many, selectors: [` + strings.Repeat("{}, ", mobility.MaximumTrafficSelectors) + `{}]}
    - {name: nothing, selectors: [{}]}
`
	_, err := LoadMagd(write(t, text))
	var all *Error
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	at := "policy.offload_policies"
	for _, key := range []string{
		"forwarding.offload_nat", "policy.offload_policy", "policy.mobile_nodes[0].offload_policy", "policy.mobile_nodes[1].offload_policy",
		at + "[0].offload", at + "[0].selectors[0].correspondents", at + "[0].selectors[1].correspondents", at + "[0].selectors[2].correspondents",
		at + "[1].name", at + "[1].selectors", at + "[2].name", at + "[2].selectors", at + "[3].name",
		at + "[3].selectors[0].correspondent_ports", at + "[3].selectors[0].mobile_node_ports", at + "[3].selectors[0].protocol", at + "[3].selectors[0].ds", at + "[3].selectors[0].spi",
		at + "[4].selectors[0].protocol", at + "[4].selectors[1].protocol", at + "[4].selectors[2].spi", at + "[4].selectors[3].protocol", at + "[4].selectors[4].ds", at + "[5].selectors", at + "[6].name",
	} {
		n := 0
		for _, problem := range all.Problems {
			if problem.Key == key {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d problems at %s, want 1", n, key)
		}
	}
	if t.Failed() {
		t.Log(err)
	}
	var many []string
	for i := range maximumOffloadPolicies + 1 {
		many = append(many, fmt.Sprintf("{name: p%d, selectors: [{}]}", i))
	}
	if _, err := LoadMagd(write(t, noPolicy+"policy: {offload_policies: ["+strings.Join(many, ", ")+"]}\n")); err == nil || !strings.Contains(err.Error(), "has 257 entries") {
		t.Error(err)
	}
	if _, err := LoadLmad(write(t, anchor+"forwarding: {offload_nat: none}\n")); err == nil || !strings.Contains(err.Error(), "offload_nat") {
		t.Errorf("an anchor has no offload_nat: %v", err)
	}
}

// What is to leave at a gateway that translates, and never can, is refused there: an operator would wait for it in vain.
func TestOffloadPoliciesThatTranslationKeeps(t *testing.T) {
	const policies = `policy: {ipv4: true, offload_policies: [{name: a, selectors: [{protocol: tcp}, {protocol: esp}, {spi: 7}, {protocol: 47-131}, {protocol: 17-47}, {}]},
    {name: b, offload: others, selectors: [{protocol: ah}, {spi: 7}]}, {name: c, selectors: [{protocol: 136, correspondent_ports: 7}]}]}
`
	enabled := edit(t, noPolicy, "mag: {", "mag: {enable_ipv4_traffic_offload_support: true, ")
	_, err := LoadMagd(write(t, enabled+policies))
	var all *Error
	if !errors.As(err, &all) {
		t.Fatal(err)
	}
	var keys []string
	for _, problem := range all.Problems {
		keys = append(keys, strings.TrimPrefix(problem.Key, "policy.offload_policies"))
	}
	if got, want := strings.Join(keys, " "), "[0].selectors[1] [0].selectors[2] [0].selectors[3] [2].selectors[0]"; got != want {
		t.Errorf("problems at %s, want %s\n%v", got, want, err)
	}
	for what, text := range map[string]string{"without the switch": noPolicy + policies, "untranslated": enabled + "forwarding: {offload_nat: none}\n" + policies} {
		if _, err := LoadMagd(write(t, text)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
