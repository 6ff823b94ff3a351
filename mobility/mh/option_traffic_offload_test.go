package mh

import (
	"math"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"netlmm/mobility"
)

// everyRange is a selector with every field of RFC 6088 section 3.1.
func everyRange() mobility.TrafficSelector {
	return mobility.TrafficSelector{
		Source: mobility.Addresses(netip.MustParsePrefix("192.0.2.0/24")), Destination: mobility.Addresses(netip.MustParsePrefix("198.51.100.8/31")),
		SPI: mobility.Numbers(256, math.MaxUint32), SourcePort: mobility.Numbers(80, 443), DestinationPort: mobility.Numbers(1024, 65535),
		DS: mobility.Numbers(0x20, 0xb8), Protocol: mobility.Numbers(6, 17),
	}
}

// https is the answer of a web server.
func https() mobility.TrafficSelector {
	return mobility.TrafficSelector{SourcePort: mobility.Numbers(443, 443), Protocol: mobility.Numbers(6, 6)}
}

func offload(selectors ...IPv4TrafficOffloadSelector) Options {
	return Options{Present: set(OptionIPv4TrafficOffloadSelector), IPv4TrafficOffloadSelectors: selectors}
}

func selecting(mode mobility.OffloadMode, s mobility.TrafficSelector) IPv4TrafficOffloadSelector {
	return IPv4TrafficOffloadSelector{Mode: mode, Format: TrafficSelectorIPv4, Selector: s}
}

// The options are octets counted by hand after the figures of RFC 6909 section 3.1, RFC 6089 section 4.2.1.4 and RFC 6088 section 3.1.
func TestTrafficOffloadOption(t *testing.T) {
	source := mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("192.0.2.1/32"))}
	for _, test := range []struct {
		name, options string
		want          Options
	}{
		{"a request", "35 04 00000000 01 04 00000000", offload(IPv4TrafficOffloadSelector{})},
		{"a single value", "35 0f 80000000 03 09 01 00 02080000 01bb 06 01 01 00", offload(selecting(1, https()))},
		{"everything", "35 0c 00000000 03 06 01 00 00000000 01 04 00000000", offload(selecting(0, mobility.TrafficSelector{}))},
		{"an address, whose sub-option is at 4n", "35 12 00000000 00 00 03 0a 01 00 80000000 c0000201", offload(selecting(0, source))},
		{"every field", `35 32 80000000 00 00 03 2a 01 00 fffc0000 c0000200 c00002ff c6336408 c6336409
			00000100 ffffffff 0050 01bb 0400 ffff 20 b8 06 11`, offload(selecting(1, everyRange()))},
		{"several", "35 0f 00000000 03 09 01 00 02080000 01bb 06 01 01 00 35 12 00000000 00 00 03 0a 01 00 80000000 c0000201 01 02 0000",
			offload(selecting(0, https()), selecting(0, source))},
		{"of another format", "35 0b 80000000 03 05 02 00 a1b2c3 01 05 0000000000", offload(IPv4TrafficOffloadSelector{1, 2, mobility.TrafficSelector{}, "\xa1\xb2\xc3"})},
	} {
		t.Run(test.name, func(t *testing.T) { wantOptions(t, test.options, test.want) })
	}
}

// offloadSelectors draws what an option may say.
func offloadSelectors() *rapid.Generator[IPv4TrafficOffloadSelector] {
	return rapid.Custom(func(t *rapid.T) IPv4TrafficOffloadSelector {
		s := IPv4TrafficOffloadSelector{Mode: rapid.SampledFrom([]mobility.OffloadMode{mobility.OffloadMatching, mobility.OffloadOthers}).Draw(t, "offload mode")}
		switch s.Format = rapid.SampledFrom([]TrafficSelectorFormat{0, 1, 1, 1, 2, 255}).Draw(t, "format"); s.Format {
		case NoTrafficSelector:
		case TrafficSelectorIPv4:
			s.Selector = trafficSelectors().Draw(t, "selector")
		default:
			s.Data = text(t, 247, "foreign selector")
		}
		return s
	})
}

func trafficSelectors() *rapid.Generator[mobility.TrafficSelector] {
	return rapid.Custom(func(t *rapid.T) mobility.TrafficSelector {
		numbers := func(name string, most, ignored uint32) mobility.NumberRange {
			if !rapid.Bool().Draw(t, name) {
				return mobility.NumberRange{}
			}
			first := rapid.Uint32Range(0, most).Draw(t, "first "+name)
			last := rapid.OneOf(rapid.Just(first), rapid.Uint32Range(first, most)).Draw(t, "last "+name)
			return mobility.Numbers(first&^ignored, last&^ignored)
		}
		return mobility.TrafficSelector{
			Source: numberAddresses(numbers("source", math.MaxUint32, 0)), Destination: numberAddresses(numbers("destination", math.MaxUint32, 0)),
			SPI: numbers("SPI", math.MaxUint32, 0), SourcePort: numbers("source port", math.MaxUint16, 0), DestinationPort: numbers("destination port", math.MaxUint16, 0),
			DS: numbers("DS", math.MaxUint8, 3), Protocol: numbers("protocol", math.MaxUint8, 0),
		}
	})
}

func TestOffloadPolicy(t *testing.T) {
	policy, err := mobility.NewOffloadPolicy(mobility.OffloadOthers, https(), everyRange())
	if err != nil {
		t.Fatal(err)
	}
	foreign := IPv4TrafficOffloadSelector{Mode: 1, Format: 2, Data: "\x00"}
	for _, test := range []struct {
		name    string
		options Options
		want    mobility.OffloadPolicy
		problem string
	}{
		{"no option", Options{IPv4TrafficOffloadSelectors: []IPv4TrafficOffloadSelector{selecting(0, https())}}, mobility.OffloadPolicy{}, ""},
		{"a request", offload(IPv4TrafficOffloadSelector{}), mobility.OffloadPolicy{}, ""},
		{"a request twice", offload(IPv4TrafficOffloadSelector{Mode: 1}, IPv4TrafficOffloadSelector{}), mobility.OffloadPolicy{}, ""},
		{"several selectors", offload(selecting(1, https()), selecting(1, everyRange())), policy, ""},
		{"both modes", offload(selecting(1, https()), selecting(0, everyRange())), mobility.OffloadPolicy{}, "not the same"},
		{"a selector and a request", offload(selecting(1, https()), IPv4TrafficOffloadSelector{Mode: 1}), mobility.OffloadPolicy{}, "without one"},
		{"a request and a selector", offload(IPv4TrafficOffloadSelector{}, selecting(1, https())), mobility.OffloadPolicy{}, "without one"},
		{"another format", offload(foreign), mobility.OffloadPolicy{}, "selector 0 has format 2, want 1"},
		{"another format beside", offload(selecting(1, https()), foreign), mobility.OffloadPolicy{}, "selector 1 has format 2, want 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.options.OffloadPolicy()
			if got != test.want || (err == nil) != (test.problem == "") {
				t.Errorf("%v, %v, want %v", got, err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Errorf("error %q does not say %q", err, test.problem)
			}
		})
	}
}

func TestSetOffloadPolicy(t *testing.T) {
	policy, err := mobility.NewOffloadPolicy(mobility.OffloadOthers, https(), everyRange())
	if err != nil {
		t.Fatal(err)
	}
	options := Options{IPv4TrafficOffloadSelectors: []IPv4TrafficOffloadSelector{selecting(0, https())}}
	before := options
	for _, test := range []struct {
		policy mobility.OffloadPolicy
		want   Options
	}{
		{mobility.OffloadPolicy{Mode: mobility.OffloadOthers}, offload(IPv4TrafficOffloadSelector{})}, // RFC 6909 section 3.2: M is 0
		{policy, offload(selecting(1, https()), selecting(1, everyRange()))},
	} {
		options.SetOffloadPolicy(test.policy)
		if d := diff(test.want, options); d != "" {
			t.Errorf("%v (-want +got):\n%s", test.policy, d)
		}
	}
	if d := diff(selecting(0, https()), before.IPv4TrafficOffloadSelectors[0]); d != "" {
		t.Errorf("a copy of the options changed:\n%s", d)
	}
}
