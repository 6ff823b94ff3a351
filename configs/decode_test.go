package configs

import (
	"os"
	"strings"
	"testing"
)

// TestValuesOfTheWrongKindAreExplained: no word of Go's types, and the remedy is in the message.
func TestValuesOfTheWrongKindAreExplained(t *testing.T) {
	for name, c := range map[string]refusal{
		"section as number":  {`mag: {proxy_care_of_address: "2001:db8:f0::1"}`, "mag: 5", `mag: "5": want keys below it`},
		"section as list":    {`mag: {proxy_care_of_address: "2001:db8:f0::1"}`, "mag: [5]", `want keys below it`},
		"list as section":    {"access_links: [{interface: acc0}]", "access_links: {interface: acc0}", "access_links: want a list"},
		"entry as text":      {"access_links: [{interface: acc0}]", "access_links: [acc0]", `access_links[0]: "acc0": want keys below it`},
		"truth in German":    {"mag: {", "mag: {timestamp_based_approach_in_use: nein, ", `mag.timestamp_based_approach_in_use: "nein": want true or false`},
		"truth as number":    {"mag: {", "mag: {timestamp_based_approach_in_use: 1, ", `"1": want true or false`},
		"number as text":     {"mag: {", "mag: {maximum_mobile_nodes: many, ", `mag.maximum_mobile_nodes: "many": want a whole number`},
		"number as truth":    {"mag: {", "mag: {maximum_mobile_nodes: true, ", `want a whole number`},
		"duration of 300":    {"mag: {", "mag: {lifetime: 300, ", `mag.lifetime: "300": want text: a value with a unit`},
		"name of digits":     {"managed_by: swanctl", "managed_by: swanctl, connection: 12", `lmas[0].connection: "12": want text`},
		"text as list":       {"managed_by: swanctl", "managed_by: [swanctl]", `lmas[0].managed_by: want text`},
		"unknown key":        {"mag: {", "mag: {lifetme: 5m, ", "mag: unknown key(s): lifetme"},
		"unknown list key":   {"interface: acc0}]\nadapters", "interface: acc0, colour: red}]\nadapters", "access_links[0]: unknown key(s): colour"},
		"unknown top level":  {"security:", "colour: red\nsecurity:", "top level: unknown key(s): colour"},
		"tab":                {"security:", "log:\n\tlevel: info\nsecurity:", "line 7 is indented with a tab: YAML wants spaces"},
		"unclosed quote":     {"mode: ipsec", `mode: "ipsec`, "line "},
		"a key twice":        {"security:", "log: {level: info}\nlog: {level: info}\nsecurity:", `line 7: mapping key "log" already defined at line 6`},
		"nothing but a list": {gateway, "- mag\n", "is no set of keys: want lines such as `mag:`"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadMagd(write(t, edit(t, gateway, c.old, c.with)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			for _, jargon := range []string{"strconv", "struct", "unconvertible", "!!", "interface {}", "decoding"} {
				if strings.Contains(err.Error(), jargon) {
					t.Errorf("error speaks of %q: %v", jargon, err)
				}
			}
		})
	}
}

func TestTheEnvironmentIsReadAsStrictly(t *testing.T) {
	t.Setenv("NETLMM_MAG_MAXIMUM_MOBILE_NODES", "ten")
	t.Setenv("NETLMM_MAG_TIMESTAMP_BASED_APPROACH_IN_USE", "nein")
	_, err := LoadMagd(write(t, gateway))
	if err == nil || !strings.Contains(err.Error(), `"ten": want a whole number`) || !strings.Contains(err.Error(), `"nein": want true or false`) {
		t.Errorf("error %v", err)
	}
}

func TestAnEmptyFileIsOneThatLacksEverything(t *testing.T) {
	if _, err := LoadMagd(write(t, "")); err == nil || !strings.Contains(err.Error(), "mag.proxy_care_of_address: is missing") {
		t.Errorf("error %v", err)
	}
	if _, err := LoadMagd(t.TempDir()); err == nil || strings.Count(err.Error(), os.TempDir()) != 1 {
		t.Errorf("a directory as configuration: %v", err)
	}
}
