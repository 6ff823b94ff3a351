package tunnelerror

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	// Traffic class and flow label, payload length, next header and hop limit stand before the addresses.
	addressesIPv6 = "20010db8010000010000000000000005 20010db8000f00000000000000000002"
	datagram      = "1e611e61 000c0000 74657874"
	addressesIPv4 = "0a400009 c6336402"
)

func ipv6Packet(t testing.TB, next, upper string) []byte {
	return octets(t, "60000000 0100"+next+"40"+addressesIPv6+upper)
}

func ipv4Packet(t testing.TB, fragment, protocol, upper string) []byte {
	return octets(t, "45000064 0001"+fragment+"40"+protocol+"0000"+addressesIPv4+upper)
}

var (
	noRoute = Error{Type: unreachable}
	expired = Error{Type: timeExceeded}
	narrow  = Error{Type: packetTooBig, MTU: 1400}
)

// RFC 2473 sections 8.1 to 8.3.
func TestAbout(t *testing.T) {
	big := octets(t, "60000000 05281140"+addressesIPv6+datagram)   // of 1360 octets
	small := octets(t, "60000000 04d81140"+addressesIPv6+datagram) // of 1280
	long := append(slices.Clone(big), make([]byte, 1400)...)
	udp6, udp4 := ipv6Packet(t, "11", datagram), ipv4Packet(t, "4000", "11", datagram)
	for name, c := range map[string]struct {
		error  Error
		quoted []byte
		header string // of the message
		quotes int
		reason Reason
	}{
		"no route":                          {noRoute, udp6, "01030000 00000000", len(udp6), ""},
		"unreachable port":                  {Error{Type: unreachable, Code: 4}, udp6, "01030000 00000000", len(udp6), ""},
		"hop limit":                         {expired, udp6, "01030000 00000000", len(udp6), ""},
		"hop limit, at the entry":           {Error{Type: timeExceeded, AtEntry: true}, udp6, "03000000 00000000", len(udp6), ""},
		"reassembly":                        {Error{Type: timeExceeded, Code: 1}, udp6, "", 0, NotListed},
		"parameter problem":                 {Error{Type: 4, Code: 1}, udp6, "", 0, NotListed},
		"no error":                          {Error{Type: 128}, udp6, "", 0, NotListed},
		"a long packet":                     {noRoute, long, "01030000 00000000", 1232, ""},
		"too big":                           {narrow, big, "02000000 00000550", len(big), ""},
		"too big for a path below 1320":     {Error{Type: packetTooBig, MTU: 1300}, big, "02000000 00000500", len(big), ""},
		"too big for less than IPv6 needs":  {Error{Type: packetTooBig, MTU: 1}, big, "02000000 00000500", len(big), ""},
		"no larger than what IPv6 relies":   {Error{Type: packetTooBig, MTU: 1300}, small, "", 0, EntryCuts},
		"echo request":                      {noRoute, ipv6Packet(t, "3a", "80000000 00000000"), "01030000 00000000", 48, ""},
		"about an error":                    {noRoute, ipv6Packet(t, "3a", "01000000 00000000"), "", 0, AboutError},
		"about a redirect":                  {noRoute, ipv6Packet(t, "3a", "89000000 00000000"), "", 0, AboutError},
		"about an error behind options":     {noRoute, ipv6Packet(t, "3c", "3a000104 00000000 03000000 00000000"), "", 0, AboutError},
		"about ICMPv6 that is not quoted":   {noRoute, ipv6Packet(t, "3a", ""), "", 0, Malformed},
		"options that are not quoted":       {noRoute, ipv6Packet(t, "00", "3a010104 00000000"), "", 0, Malformed},
		"the first fragment":                {noRoute, ipv6Packet(t, "2c", "11000001 00000001"+datagram), "01030000 00000000", 60, ""},
		"another fragment":                  {noRoute, ipv6Packet(t, "2c", "11000009 00000001"+datagram), "", 0, Fragment},
		"extension headers without end":     {noRoute, ipv6Packet(t, "3c", strings.Repeat("3c000104 00000000", 9)), "", 0, Malformed},
		"half a header":                     {noRoute, udp6[:39], "", 0, Malformed},
		"nothing":                           {noRoute, nil, "", 0, Malformed},
		"another version":                   {noRoute, []byte{0x50}, "", 0, Malformed},
		"from nobody":                       {noRoute, octets(t, "60000000 01001140"+strings.Repeat("00", 16)+"20010db8000f00000000000000000002"), "", 0, NoSource},
		"from a group":                      {noRoute, octets(t, "60000000 01001140 ff020000000000000000000000000001 20010db8000f00000000000000000002"), "", 0, NoSource},
		"from a mapped address":             {noRoute, octets(t, "60000000 01001140 00000000000000000000ffff01020304 20010db8000f00000000000000000002"), "", 0, NoSource},
		"to a group":                        {noRoute, octets(t, "60000000 01001140 20010db8000f00000000000000000002 ff0e0000000000000000000000000001"), "", 0, NoSource},
		"IPv4, no route":                    {noRoute, udp4, "0301 0000 00000000", len(udp4), ""},
		"IPv4, hop limit":                   {expired, udp4, "0301 0000 00000000", len(udp4), ""},
		"IPv4, too big":                     {narrow, udp4, "0304 0000 00000550", len(udp4), ""},
		"IPv4, too big for a path of 1300":  {Error{Type: packetTooBig, MTU: 1300}, udp4, "0304 0000 000004ec", len(udp4), ""},
		"IPv4, too big for any packet":      {Error{Type: packetTooBig, MTU: 1 << 31}, udp4, "0304 0000 0000ffff", len(udp4), ""},
		"IPv4, may be fragmented":           {narrow, ipv4Packet(t, "0000", "11", datagram), "", 0, EntryCuts},
		"IPv4, may be fragmented, no route": {noRoute, ipv4Packet(t, "0000", "11", datagram), "0301 0000 00000000", 32, ""},
		"IPv4, the first fragment":          {noRoute, ipv4Packet(t, "2000", "11", datagram), "0301 0000 00000000", 32, ""},
		"IPv4, another fragment":            {noRoute, ipv4Packet(t, "2001", "11", datagram), "", 0, Fragment},
		"IPv4, echo request":                {noRoute, ipv4Packet(t, "4000", "01", "08000000 00000000"), "0301 0000 00000000", 28, ""},
		"IPv4, about an error":              {noRoute, ipv4Packet(t, "4000", "01", "03010000 00000000"), "", 0, AboutError},
		"IPv4, half a header":               {noRoute, udp4[:19], "", 0, Malformed},
		"IPv4, options beyond the end":      {noRoute, append([]byte{0x4f}, udp4[1:]...), "", 0, Malformed},
		"IPv4, a length below a header":     {noRoute, append([]byte{0x44}, udp4[1:]...), "", 0, Malformed},
		"IPv4, from everybody":              {noRoute, octets(t, "45000064 00014000 40110000 ffffffff c6336402"+datagram), "", 0, NoSource},
	} {
		report, reason := c.error.About(c.quoted)
		if reason != c.reason {
			t.Errorf("%s: reason %q, want %q", name, reason, c.reason)
			continue
		}
		if reason != "" {
			if report.Message != nil || report.Original != (Packet{}) {
				t.Errorf("%s: a report in spite of the reason", name)
			}
			continue
		}
		header, is4 := slices.Clone(report.Message[:8]), c.quoted[0]>>4 == 4
		if is4 && checksum(report.Message) != 0 {
			t.Errorf("%s: wrong checksum", name)
		}
		header[2], header[3] = 0, 0
		if !bytes.Equal(header, octets(t, c.header)) || !bytes.Equal(report.Message[8:], c.quoted[:c.quotes]) {
			t.Errorf("%s: % x and %d octets, want %s and %d", name, header, len(report.Message)-8, c.header, c.quotes)
		}
		if want := map[bool]string{true: "10.64.0.9", false: "2001:db8:100:1::5"}[is4]; report.Original.Source != netip.MustParseAddr(want) {
			t.Errorf("%s: for %v", name, report.Original.Source)
		}
	}
}

// FuzzAbout: whatever is quoted, nobody but one node is told, no more than fits, and nothing about an error.
func FuzzAbout(f *testing.F) {
	for _, packet := range [][]byte{
		ipv6Packet(f, "11", datagram), ipv6Packet(f, "3c", "3a000104 00000000 03000000 00000000"), ipv6Packet(f, "2c", "11000001 00000001"+datagram),
		ipv4Packet(f, "4000", "11", datagram), ipv4Packet(f, "4000", "01", "08000000 00000000"),
	} {
		for _, e := range []Error{noRoute, expired, narrow} {
			f.Add(e.Type, e.Code, e.MTU, packet)
		}
	}
	f.Fuzz(func(t *testing.T, kind, code uint8, mtu uint32, quoted []byte) {
		before := slices.Clone(quoted)
		report, reason := Error{Type: kind, Code: code, MTU: mtu}.About(quoted)
		if !bytes.Equal(before, quoted) {
			t.Fatal("the packet was changed")
		}
		if reason != "" {
			if !slices.Contains(Reasons(), reason) {
				t.Errorf("a reason of its own: %q", reason)
			}
			return
		}
		most := map[bool]int{true: 576 - 20, false: 1280 - 40}[report.Original.Source.Is4()]
		if !report.Original.Source.IsGlobalUnicast() || len(report.Message) > most || !bytes.HasPrefix(quoted, report.Message[8:]) {
			t.Errorf("%v is told %d octets", report.Original.Source, len(report.Message))
		}
		if _, again := (Error{Type: report.Message[0]}).About(asPacket(report)); report.Original.Source.Is6() && again == "" {
			t.Error("an error about the error is told")
		}
	})
}

// asPacket is a report as the IPv6 packet that it leaves in.
func asPacket(r Report) []byte {
	b := []byte{0x60, 0, 0, 0, byte(len(r.Message) >> 8), byte(len(r.Message)), icmpIPv6, 64}
	b = append(b, r.Original.Destination.AsSlice()...)
	return append(append(b, r.Original.Source.AsSlice()...), r.Message...)
}
