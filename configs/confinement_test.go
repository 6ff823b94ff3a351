package configs

import (
	"strings"
	"testing"
)

// TestAGatewayMayRegisterWholePoolsOnly: the anchor takes dynamic prefixes and addresses from a pool as a whole.
func TestAGatewayMayRegisterWholePoolsOnly(t *testing.T) {
	const text = `
lma: {address: "2001:db8:f0::ff", pools: ["2001:db8:1000::/40"], ipv4_pools: [{network: 10.64.0.0/16}]}
mags: [{address: "2001:db8:f0::1", home_network_prefixes: [PREFIXES]}]
security: {mode: none}
`
	for prefixes, want := range map[string]string{
		`"2001:db8:1000::/40", 10.64.0.0/12`:     "",
		`"2001:db8:2000::/48"`:                   "",
		`"2001:db8:1000::/48"`:                   `mags[0].home_network_prefixes[0]: "2001:db8:1000::/48": is a part of the pool 2001:db8:1000::/40`,
		`"2001:db8:1000::/40", "10.64.128.0/17"`: `mags[0].home_network_prefixes[1]: "10.64.128.0/17": is a part of the pool 10.64.0.0/16`,
	} {
		_, err := LoadLmad(write(t, strings.Replace(text, "PREFIXES", prefixes, 1)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", prefixes, err, want)
		}
	}
}
