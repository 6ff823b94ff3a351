package mobility

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

func addresses(text string) (r AddressRange) {
	if err := r.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return r
}

// TestOffloadPolicyKeepsItsSelectors: packed, and as JSON.
func TestOffloadPolicyKeepsItsSelectors(t *testing.T) {
	everything := TrafficSelector{}
	some := TrafficSelector{Source: Addresses(netip.MustParsePrefix("192.0.2.0/24")), Protocol: Numbers(6, 6), SourcePort: Numbers(80, 443), DS: Numbers(0, 255)}
	all := TrafficSelector{addresses("0.0.0.0"), addresses("255.255.255.255"), Numbers(0, 1<<32-1), Numbers(0, 0), Numbers(65535, 65535), Numbers(4, 8), Numbers(17, 50)}
	p, err := NewOffloadPolicy(OffloadOthers, everything, some, all)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Selectors.List(); len(got) != 3 || p.Selectors.Len() != 3 || got[0] != everything || got[1] != some || got[2] != all {
		t.Errorf("selectors %v", got)
	}
	if got, want := p.String(), "others: everything; source 192.0.2.0-192.0.2.255 source_port 80-443 ds 0-255 protocol 6; "+
		"source 0.0.0.0 destination 255.255.255.255 spi 0-4294967295 source_port 0 destination_port 65535 ds 4-8 protocol 17-50"; got != want {
		t.Errorf("String %q, want %q", got, want)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back OffloadPolicy
	if err := json.Unmarshal(text, &back); err != nil || back != p {
		t.Errorf("%s is read as %v, %v", text, back, err)
	}
	if again, _ := NewOffloadPolicy(OffloadOthers, everything, some, all); again != p {
		t.Error("the same policy twice is not equal")
	}
	if nothing := OffloadNothing(); nothing.IsZero() || nothing.String() != "nothing" || nothing.Mode != OffloadOthers || nothing.Selectors.List()[0] != everything {
		t.Errorf("nothing is %v, %v", nothing.Mode, nothing.Selectors.List())
	}
	if p.IsZero() || !(OffloadPolicy{}).IsZero() {
		t.Error("IsZero")
	}
}

func TestOffloadPolicyRefuses(t *testing.T) {
	ipv6 := netip.MustParseAddr("2001:db8::1")
	for want, list := range map[string][]TrafficSelector{
		"0 traffic selectors":        nil,
		"17 traffic selectors":       make([]TrafficSelector, 17),
		"no range of IPv4":           {{Source: AddressRange{ipv6, ipv6}}},
		"traffic selector 1: ":       {{}, {Destination: AddressRange{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.1")}}},
		"source_port 0-65536":        {{SourcePort: Numbers(0, 65536)}},
		"destination_port 2-1":       {{DestinationPort: Numbers(2, 1)}},
		"protocol 256 is not within": {{Protocol: Numbers(256, 256)}},
	} {
		if _, err := NewOffloadPolicy(OffloadMatching, list...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %q", list, err, want)
		}
	}
}

func TestRangesAreReadAsTheyAreWritten(t *testing.T) {
	for text, want := range map[string]string{"192.0.2.0/24": "192.0.2.0-192.0.2.255", "192.0.2.7": "192.0.2.7", "0.0.0.0/0": "0.0.0.0-255.255.255.255",
		"192.0.2.1-192.0.3.1": "192.0.2.1-192.0.3.1", "192.0.2.1/32": "192.0.2.1", "any": "any", "192.0.2.1/24": "", "192.0.2.9-192.0.2.1": "", "x": "", "::1": "", "": ""} {
		var r AddressRange
		if err := r.UnmarshalText([]byte(text)); (err == nil) != (want != "") || err == nil && r.String() != want {
			t.Errorf("%q is read as %v, %v; want %q", text, r, err, want)
		}
	}
	for text, want := range map[string]string{"80": "80", "80-443": "80-443", "0": "0", "any": "any", "9-1": "", "-1": "", "x": "", "": "", "4294967296": ""} {
		var r NumberRange
		if err := r.UnmarshalText([]byte(text)); (err == nil) != (want != "") || err == nil && r.String() != want {
			t.Errorf("%q is read as %v, %v; want %q", text, r, err, want)
		}
	}
	var m OffloadMode
	if err := m.UnmarshalText([]byte("none")); err == nil {
		t.Error("a mode that there is not")
	}
}
