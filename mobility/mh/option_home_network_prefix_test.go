package mh

import (
	"net/netip"
	"testing"
)

func prefixes(texts ...string) Options {
	o := Options{Present: set(OptionHomeNetworkPrefix)}
	for _, text := range texts {
		o.HomeNetworkPrefixes = append(o.HomeNetworkPrefixes, netip.MustParsePrefix(text))
	}
	return o
}

func TestHomeNetworkPrefixOption(t *testing.T) {
	const a, b = "16 12 00 40 20010db8aaaa00010000000000000000", "16 12 00 40 20010db8aaaa00020000000000000000"
	for _, test := range []struct {
		name, vector string
		want         Options
	}{
		{"one", a, prefixes("2001:db8:aaaa:1::/64")},
		{"two, in their order, each at 8n+4", b + "01 02 0000" + a, prefixes("2001:db8:aaaa:2::/64", "2001:db8:aaaa:1::/64")},
		{"the same twice", a + "01 02 0000" + a, prefixes("2001:db8:aaaa:1::/64", "2001:db8:aaaa:1::/64")},
		{"zero", "16 12 00 00 00000000000000000000000000000000", prefixes("::/0")},
		{"zero with a length", "16 12 00 40 00000000000000000000000000000000", prefixes("::/64")},
		{"128", "16 12 00 80 20010db8aaaa00010000000000000001", prefixes("2001:db8:aaaa:1::1/128")},
	} {
		t.Run(test.name, func(t *testing.T) {
			options := octets(t, test.vector)
			for len(options)%8 != 4 { // AppendTo closes with PadN
				options = append(options, 0)
			}
			if gap := len(options) - len(octets(t, test.vector)); gap > 1 {
				copy(options[len(options)-gap:], []byte{1, byte(gap - 2)})
			}
			wantVector(t, updateOf(options), &BindingUpdate{Options: test.want}, &BindingUpdate{Options: usedOptions()})
		})
	}
}

func TestHomeNetworkPrefixOptionClearsHostBits(t *testing.T) {
	var m BindingUpdate
	if err := m.Decode(updateOf(octets(t, "16 12 ff 40 20010db8aaaa0001ffffffffffffffff"))); err != nil {
		t.Fatal(err)
	}
	if d := diff(prefixes("2001:db8:aaaa:1::/64"), m.Options); d != "" {
		t.Errorf("decoded (-want +got):\n%s", d)
	}
	b := encoded(t, &BindingUpdate{Options: prefixes("2001:db8:aaaa:1::99/64")})
	if err := m.Decode(b); err != nil || b[31] != 0 {
		t.Errorf("encoded as %x, %v", b, err)
	}
}

func TestHomeNetworkPrefixOptionErrors(t *testing.T) {
	wantBadOption(t, "16 12 00 81 20010db8aaaa00010000000000000000",
		DecodeError{15, "Home Network Prefix option", "has prefix length 129, want 0 to 128", Drop})
	wantBadOption(t, "16 11 00 40 20010db8aaaa000100000000000000 00",
		DecodeError{13, "Home Network Prefix option", "has length 17, want 18", Drop})

	wantEncodeError(t, Options{Present: set(OptionHomeNetworkPrefix)}, "Home Network Prefix", "without a prefix")
	wantEncodeError(t, prefixes("192.0.2.0/24"), "192.0.2.0/24", "IPv6")
	wantEncodeError(t, Options{Present: set(OptionHomeNetworkPrefix), HomeNetworkPrefixes: make([]netip.Prefix, 1)}, "IPv6")
}

func TestIsZeroPrefix(t *testing.T) {
	for text, want := range map[string]bool{"::/0": true, "::/64": true, "::/128": true, "::1/128": false, "2001:db8::/64": false, "0.0.0.0/0": false} {
		if got := IsZeroPrefix(netip.MustParsePrefix(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if IsZeroPrefix(netip.Prefix{}) {
		t.Error("no prefix counts as the zero prefix")
	}
}
