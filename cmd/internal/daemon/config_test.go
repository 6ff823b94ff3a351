package daemon

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"netlmm/configs"
)

// TestConfigOfTheExamples: what --check accepts can be shown, in JSON too.
func TestConfigOfTheExamples(t *testing.T) {
	lmad, err := configs.LoadLmad("../../../configs/examples/lmad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	magd, err := configs.LoadMagd("../../../configs/examples/magd.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		settings []configs.Setting
		want     []string
	}{
		"lmad": {lmad.Settings, []string{
			`{"key":"lma.min_delay_before_bce_delete","variable":"MinDelayBeforeBCEDelete","reference":"RFC 5213 section 9.1","value":"10s","default":"10s","is_default":true}`,
			`{"key":"lma.pools","value":["2001:db8:1000::/40"],"default":null,"is_default":false}`, `"key":"mags[1].identity"`,
		}},
		"magd": {magd.Settings, []string{`"variable":"EnableMAGLocalRouting"`, `"key":"access_links[0].interface","value":"br-access"`, `"key":"policy.default"`, `"key":"policy.identity"`}},
	} {
		answer, err := Config(c.settings)(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.want {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s: no %s in\n%s", name, want, text)
			}
		}
	}
}
