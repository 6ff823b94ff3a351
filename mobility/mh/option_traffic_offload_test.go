package mh

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
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
		{"of another format", "35 0b 80000000 03 05 02 00 a1b2c3 01 05 0000000000", offload(IPv4TrafficOffloadSelector{Mode: 1, Format: 2, Data: "\xa1\xb2\xc3"})},
	} {
		t.Run(test.name, func(t *testing.T) { wantOptions(t, test.options, test.want) })
	}
}

// What a sender must not do and a receiver must bear (RFC 6909 section 3.1, RFC 6088 section 3.1, RFC 6089 section 4.2.1).
func TestTrafficOffloadOptionLenience(t *testing.T) {
	for _, test := range []struct {
		name, options string
		want          Options
	}{
		{"reserved bits", "35 0f ffffffff 03 09 01 ff 020bffff 01bb 06", offload(selecting(1, https()))},
		{"the lower bits of DS", "35 0e 00000000 03 08 01 00 00300000 23 22", offload(selecting(0, mobility.TrafficSelector{DS: mobility.Numbers(0x20, 0x20)}))},
		{"an End that is the Start", "35 11 00000000 03 0b 01 00 03080000 01bb 01bb 06", offload(selecting(0, https()))},
		{"padding and unknown sub-options", "35 1b 00000000 00 01 03 ffffff 02 02 0001 ff 00 03 09 01 00 02080000 01bb 06", offload(selecting(0, https()))},
		{"padding only", "35 08 00000000 01 00 00 00", offload(IPv4TrafficOffloadSelector{})},
		{"a request whose M is not 0", "35 04 80000000", offload(IPv4TrafficOffloadSelector{Mode: 1})},
		{"several sub-options in one option", "35 17 80000000 03 09 01 00 02080000 01bb 06 03 02 02 00 03 02 09 00",
			offload(selecting(1, https()), IPv4TrafficOffloadSelector{Mode: 1, Format: 2}, IPv4TrafficOffloadSelector{Mode: 1, Format: 9})},
		{"not aligned, the sub-option neither", "00 35 10 00000000 03 0a 01 00 80000000 c0000201",
			offload(selecting(0, mobility.TrafficSelector{Source: mobility.Addresses(netip.MustParsePrefix("192.0.2.1/32"))}))},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := BindingUpdate{Options: usedOptions()}
			err := m.Decode(updateOf(octets(t, test.options)))
			if d := diff(BindingUpdate{Options: test.want}, m); err != nil || d != "" {
				t.Errorf("%v (-want +got):\n%s", err, d)
			}
		})
	}
}

// A fault in an option concerns that option alone: the message is there, with what stood before and behind it, the fault is said, also
// to people, and makes no policy.
func TestTrafficOffloadOptionErrors(t *testing.T) {
	for _, test := range []struct {
		name, options string
		offset        int
		problem       string
	}{
		{"no room for M", "35 03 000000", 13, "has length 3, want 4 to 255"},
		{"a sub-option without a length", "35 05 00000000 03", 18, "has 1 octets left for a sub-option of type 3"},
		{"a sub-option that runs past the end", "35 07 00000000 00 01 05 00", 19, "has 2 octets left for a sub-option of type 1"},
		{"no format", "35 07 00000000 03 01 01", 19, "has a traffic selector of 1 octets, want at least 2"},
		{"the format that must not be used", "35 08 00000000 03 02 00 00", 20, "has a traffic selector of the format 0, which is reserved"},
		{"no flags", "35 0a 00000000 03 04 01 00 0000", 22, "has a traffic selector with 2 octets left for its field of flags"},
		{"too short for a Start", "35 0f 00000000 03 09 01 00 80000000 c00002", 26, "has a traffic selector with 3 octets left for its Start Source Address"},
		{"too short for an End", "35 0e 00000000 03 08 01 00 03000000 0050", 28, "has a traffic selector with 0 octets left for its End Source Port"},
		{"too long", "35 0f 00000000 03 09 01 00 00080000 06 0000", 27, "has a traffic selector with 2 octets behind its last field"},
		{"the second selector too long", "35 15 00000000 03 06 01 00 00000000 03 07 01 00 00000000 ff", 34, "has a traffic selector with 1 octets behind its last field"},
		{"addresses backwards", "35 14 00000000 03 0e 01 00 c0000000 c0000201 c0000200", 34, "has a traffic selector with an End Source Address below its Start"},
		{"protocols backwards", "35 0e 00000000 03 08 01 00 000c0000 11 06", 28, "has a traffic selector with an End Protocol below its Start"},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantUnusable(t, test.options, test.offset, test.problem)
		})
	}
}

// RFC 6088 section 3.1: no End without its Start, whichever the field.
func TestTrafficOffloadEndWithoutStart(t *testing.T) {
	for i, name := range []string{"Source Address", "Destination Address", "IPsec SPI", "Source Port", "Destination Port", "DS", "Protocol"} {
		flags := uint32(1) << (30 - 2*i)
		vector := fmt.Sprintf("35 10 00000000 03 0a 01 00 %08x 00000000", flags)
		wantUnusable(t, vector, 26, "has a traffic selector with an End "+name+" without its Start")
	}
}

// wantUnusable checks that a message with the option, which begins at offset 12, between others is decoded and encoded with all of it.
func wantUnusable(t *testing.T, option string, offset int, problem string) {
	t.Helper()
	given := octets(t, option)
	data := string(given[2 : 2+given[1]])
	want := offload(IPv4TrafficOffloadSelector{Data: data, Fault: problem}, selecting(1, https()))
	want.Present.Add(OptionRestartCounter)
	want.RestartCounter = 9
	message := updateOf(octets(t, option+"35 0f 80000000 03 09 01 00 02080000 01bb 06 1c 04 00000009 01 02 0000"))
	for what, payload := range map[string][]byte{"decoded": message, "encoded": encoded(t, &BindingUpdate{Options: want})} {
		m := BindingUpdate{Options: usedOptions()}
		if err := m.Decode(payload); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if d := diff(BindingUpdate{Options: want}, m); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
		if p, err := m.Options.OffloadPolicy(); !p.IsZero() || err == nil || !strings.Contains(err.Error(), problem) {
			t.Errorf("%s: policy %v, error %v, want %q", what, p, err, problem)
		}
	}
	d := Describe(message)
	if said := fmt.Sprintf("IPv4 Traffic Offload Selector option at offset %d: %s", offset, problem); len(d.Errors) != 1 || d.Errors[0] != said {
		t.Errorf("Describe says %q, want %q", d.Errors, said)
	}
}

// A policy has so many selectors and no more, in one option or in several. What is beyond is not kept, the message is, and there is no
// policy.
func TestTrafficOffloadFlood(t *testing.T) {
	const everything, tooMany = "03 06 01 00 00000000", "is one more than the 16 selectors that a policy may have"
	sixteen := slices.Repeat([]IPv4TrafficOffloadSelector{selecting(0, mobility.TrafficSelector{})}, 16)
	excess := IPv4TrafficOffloadSelector{Data: "\x00\x00\x00\x00", Fault: tooMany}
	short := IPv4TrafficOffloadSelector{Fault: "has length 0, want 4 to 255"}
	for _, test := range []struct {
		name, options string
		want          []IPv4TrafficOffloadSelector
	}{
		{"sixteen in one option", "35 84 00000000" + strings.Repeat(everything, 16), sixteen},
		{"in one option", "35 8c 00000000" + strings.Repeat(everything, 17), []IPv4TrafficOffloadSelector{
			{Data: "\x00\x00\x00\x00" + strings.Repeat("\x03\x06\x01\x00\x00\x00\x00\x00", 17), Fault: tooMany}}},
		{"in one option and another", "35 84 00000000" + strings.Repeat(everything, 16) + "35 04 00000000", append(sixteen[:16:16], excess)},
		{"in many options", strings.Repeat("35 04 00000000", 200), append(make([]IPv4TrafficOffloadSelector, 16), excess)},
		{"faults in many options", strings.Repeat("35 00", 900), slices.Repeat([]IPv4TrafficOffloadSelector{short}, 17)},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := offload(test.want...)
			want.Present.Add(OptionRestartCounter)
			want.RestartCounter = 9
			message := updateOf(octets(t, test.options+"1c 04 00000009"))
			m := BindingUpdate{Options: usedOptions()}
			if err := m.Decode(message); err != nil {
				t.Fatal(err)
			}
			if d := diff(BindingUpdate{Options: want}, m); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			_, err := m.Options.OffloadPolicy()
			if good := len(test.want) == 16; good != (err == nil) || good != (len(Describe(message).Errors) == 0) {
				t.Errorf("OffloadPolicy says %v, Describe %q", err, Describe(message).Errors)
			}
		})
	}
	wantEncodeError(t, offload(make([]IPv4TrafficOffloadSelector, 17)...), "17 times", "1 to 16")
	wantEncodeError(t, offload(slices.Repeat([]IPv4TrafficOffloadSelector{short}, 18)...), "18 times", "1 to 16")
}

func TestTrafficOffloadEncodeErrors(t *testing.T) {
	const name = "IPv4 Traffic Offload Selector"
	wantEncodeError(t, offload(), name, "0 times")
	wantEncodeError(t, offload(IPv4TrafficOffloadSelector{Format: 2, Data: strings.Repeat("x", 248)}), name, "256", "255")
	six := mobility.AddressRange{First: netip.MustParseAddr("2001:db8::1"), Last: netip.MustParseAddr("2001:db8::2")}
	wantEncodeError(t, offload(selecting(0, mobility.TrafficSelector{Source: six})), name, "2001:db8::1-2001:db8::2", "IPv4")
	wantEncodeError(t, offload(selecting(0, mobility.TrafficSelector{Destination: mobility.AddressRange{First: netip.MustParseAddr("192.0.2.1")}})), name, "192.0.2.1-invalid")
	wantEncodeError(t, offload(selecting(0, mobility.TrafficSelector{SourcePort: mobility.Numbers(443, 80)})), name, "Source Port 443-80", "65535")
	wantEncodeError(t, offload(selecting(0, mobility.TrafficSelector{Protocol: mobility.Numbers(6, 256)})), name, "Protocol 6-256", "255")
}

func TestTrafficOffloadAllocations(t *testing.T) {
	message := &BindingUpdate{Options: offload(selecting(1, https()), selecting(1, everyRange()))}
	payload := encoded(t, message)
	var m BindingUpdate
	wantAllocations(t, "Decode", 1, func() error { return m.Decode(payload) })
	wantAllocations(t, "AppendTo nil", 1, func() error { _, err := message.AppendTo(nil); return err })
}

// A receiver that is used again lets go of the octets of an earlier message.
func TestTrafficOffloadLetsGo(t *testing.T) {
	o := offload(IPv4TrafficOffloadSelector{Format: 2, Data: "earlier"})
	if e := o.emptied().IPv4TrafficOffloadSelectors; len(e) != 0 || cap(e) == 0 || e[:1][0] != (IPv4TrafficOffloadSelector{}) {
		t.Errorf("kept %v of capacity %d", e[:cap(e)], cap(e))
	}
}

// offloadSelectors draws what an option may say.
func offloadSelectors() *rapid.Generator[IPv4TrafficOffloadSelector] {
	return rapid.Custom(func(t *rapid.T) IPv4TrafficOffloadSelector {
		if rapid.IntRange(0, 9).Draw(t, "fault") == 0 {
			data := text(t, 3, "faulty option")
			return IPv4TrafficOffloadSelector{Data: data, Fault: fmt.Sprintf("has length %d, want 4 to 255", len(data))}
		}
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
		{"a fault beside", offload(selecting(1, https()), IPv4TrafficOffloadSelector{Fault: "is bad"}), mobility.OffloadPolicy{}, "an IPv4 Traffic Offload Selector option is bad"},
		{"a fault only", offload(IPv4TrafficOffloadSelector{Fault: "is bad"}), mobility.OffloadPolicy{}, "an IPv4 Traffic Offload Selector option is bad"},
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
