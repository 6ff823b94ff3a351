package configs

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

func find(t *testing.T, list []Setting, key string) Setting {
	t.Helper()
	for _, s := range list {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("no setting %s", key)
	return Setting{}
}

// TestEveryProtocolVariableIsShown: RFC 5213 section 9, RFC 5846 section 11 and RFC 5847 section 5, with their defaults.
func TestEveryProtocolVariableIsShown(t *testing.T) {
	lmad, err := LoadLmad(write(t, anchor))
	if err != nil {
		t.Fatal(err)
	}
	magd, err := LoadMagd(write(t, gateway))
	if err != nil {
		t.Fatal(err)
	}
	for _, daemon := range []struct {
		list []Setting
		want map[string]any
	}{
		{lmad.Settings, map[string]any{
			"MinDelayBeforeBCEDelete": "10s", "MaxDelayBeforeNewBCEAssign": "1500ms", "TimestampValidityWindow": "300ms",
			"TimestampBasedApproachInUse": true, "MobileNodeGeneratedTimestampInUse": false,
			"FixedMAGLinkLocalAddressOnAllAccessLinks": "fe80::200:5eff:fe00:5213", "FixedMAGLinkLayerAddressOnAllAccessLinks": "00:00:5e:00:52:13",
			"BRIMaxRetriesNumber": 1, "InitMINDelayBRIs": "1s", "MAX_BRACK_TIMEOUT": "2s",
			"HEARTBEAT_INTERVAL": "60s", "MISSING_HEARTBEATS_ALLOWED": 3, "EnableIPv4TrafficOffloadSupport": false,
		}},
		{magd.Settings, map[string]any{
			"EnableMAGLocalRouting": false, "EnableIPv4TrafficOffloadSupport": false, "TimestampBasedApproachInUse": true, "MobileNodeGeneratedTimestampInUse": false,
			"FixedMAGLinkLocalAddressOnAllAccessLinks": "fe80::200:5eff:fe00:5213", "FixedMAGLinkLayerAddressOnAllAccessLinks": "00:00:5e:00:52:13",
			"HEARTBEAT_INTERVAL": "60s", "MISSING_HEARTBEATS_ALLOWED": 3, "INITIAL_BINDACK_TIMEOUT": "1s", "MAX_BINDACK_TIMEOUT": "32s",
		}},
	} {
		shown := map[string]any{}
		for _, s := range daemon.list {
			if s.Variable == "" {
				continue
			}
			shown[s.Variable] = s.Value
			if s.Reference == "" || !s.IsDefault || !reflect.DeepEqual(s.Value, s.Default) {
				t.Errorf("%s: %+v", s.Variable, s)
			}
		}
		if !reflect.DeepEqual(shown, daemon.want) {
			t.Errorf("variables %v,\nwant %v", shown, daemon.want)
		}
	}
}

func TestSettingsTellDefaultsFromChoices(t *testing.T) {
	t.Setenv("NETLMM_HEARTBEAT_INTERVAL", "90s")
	c, err := LoadLmad(write(t, edit(t, anchor, "lma: {", `lma: {min_delay_before_bce_delete: 7s, ipv4_pools: [{network: 10.64.0.0/16}], `)))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]Setting{
		"heartbeat.interval":              {Value: "90s", Default: "60s"},
		"lma.min_delay_before_bce_delete": {Value: "7s", Default: "10s"},
		"lma.maximum_bindings":            {Value: 100000, Default: 100000, IsDefault: true},
		"lma.pools":                       {Value: []string{"2001:db8:1000::/40"}},
		"lma.ipv4_pools[0].network":       {Value: "10.64.0.0/16"},
		"mags[1].address":                 {Value: "2001:db8:f0::2"},
		"mags[1].initiate":                {Value: false},
		"mags[1].compat":                  {Value: "strict", Default: "strict", IsDefault: true},
		"security.filter":                 {Value: true, Default: true, IsDefault: true},
	} {
		got := find(t, c.Settings, key)
		if !reflect.DeepEqual(got.Value, want.Value) || !reflect.DeepEqual(got.Default, want.Default) || got.IsDefault != want.IsDefault {
			t.Errorf("%s: %+v, want %+v", key, got, want)
		}
	}
}

// TestSettingsHoldNoSecret: keys name the files in which secrets are, and what is in those is not read.
func TestSettingsHoldNoSecret(t *testing.T) {
	key := filepath.Join(t.TempDir(), "psk")
	if err := os.WriteFile(key, []byte("secret-text"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadMagd(write(t, edit(t, gateway, "managed_by: swanctl", "managed_by: netlmm, local_identity: mag1, preshared_key_file: "+key)))
	if err != nil {
		t.Fatal(err)
	}
	if got := find(t, c.Settings, "lmas[0].preshared_key_file"); got.Value != key {
		t.Errorf("%+v", got)
	}
	secret := regexp.MustCompile(`(?i)(secret|password|psk|_key)$`)
	for _, s := range c.Settings {
		if text, _ := s.Value.(string); strings.Contains(text, "secret-text") || secret.MatchString(s.Key) {
			t.Errorf("%+v", s)
		}
	}
}

// TestTheExamplesHaveEveryKey: what the daemons read, the examples explain.
func TestTheExamplesHaveEveryKey(t *testing.T) {
	for name, raw := range map[string]any{"magd": rawMagd{}, "lmad": rawLmad{}, "mihd": rawMihd{}} {
		text, err := os.ReadFile("examples/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range everyKey(reflect.TypeOf(raw)) {
			if !regexp.MustCompile(`(?m)^[ #-]*`+key+`:`).Match(text) && !elsewhere[name][key] {
				t.Errorf("examples/%s.yaml has no %s", name, key)
			}
		}
	}
}

// elsewhere are the keys that only the other daemon's example explains, or has a use for.
var elsewhere = map[string]map[string]bool{
	"lmad": {
		"local_identity": true, "preshared_key_file": true, "certificate_file": true, "private_key_file": true, "ca_certificate_file": true,
		"ike_proposals": true, "esp_proposals": true, "lma": true, "lifetime": true, "enable_mag_local_routing": true,
		"also_known_as": true, "several_devices": true,
	},
}

func everyKey(t reflect.Type) (keys []string) {
	for f := range t.Fields() {
		if name := f.Tag.Get("mapstructure"); name != ",squash" {
			keys = append(keys, name)
		}
		inner := f.Type
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct {
			keys = append(keys, everyKey(inner)...)
		}
	}
	return keys
}
