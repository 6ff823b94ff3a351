package accesslink

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/mdlayher/ndp"
)

var (
	nodeMAC = [6]byte{2, 0, 0, 0, 0, 1}
	node    = netip.MustParseAddr("fe80::ff:fe00:1")
	routers = netip.MustParseAddr("ff02::2")
)

// frameOf is a frame as a host sends it.
func frameOf(t testing.TB, source, destination netip.Addr, message ndp.Message) []byte {
	t.Helper()
	p := port{linkLayer: nodeMAC}
	if err := p.buildHeader(source); err != nil {
		t.Fatal(err)
	}
	body, err := ndp.MarshalMessageChecksum(message, source, destination)
	if err != nil {
		t.Fatal(err)
	}
	return assemble(p, destination, body)
}

func assemble(p port, destination netip.Addr, body []byte) []byte {
	frame := append(p.header[:], body...)
	copy(frame, []byte{0x33, 0x33, 0, 0, 0, 2})
	frame[ethernetHeader+5] = byte(len(body))
	to := destination.As16()
	copy(frame[ethernetHeader+24:], to[:])
	return frame
}

// bodyOf is where the ICMPv6 message begins.
func bodyOf(frame []byte) int {
	if frame[ethernetHeader+6] == 0 {
		return headers + routerAlertSize
	}
	return headers
}

// rightChecksum makes the checksum right again after a change.
func rightChecksum(frame []byte) []byte {
	end := headers + int(binary.BigEndian.Uint16(frame[ethernetHeader+4:]))
	body := frame[bodyOf(frame):end]
	body[2], body[3] = 0, 0
	binary.BigEndian.PutUint16(body[2:], checksum(frame[ethernetHeader+8:headers], body))
	return frame
}

func solicitation(t testing.TB) []byte {
	return frameOf(t, node, routers, &ndp.RouterSolicitation{Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: nodeMAC[:]}}})
}

func TestParse(t *testing.T) {
	advertisement := &ndp.NeighborAdvertisement{Solicited: true, TargetAddress: node}
	for _, test := range []struct {
		name     string
		frame    []byte
		want     DropReason
		solicits bool
	}{
		{"Router Solicitation", solicitation(t), "", true},
		{"Router Solicitation, padded frame", append(frameOf(t, node, routers, &ndp.RouterSolicitation{}), make([]byte, 20)...), "", true},
		{"Router Solicitation, unspecified source", frameOf(t, netip.IPv6Unspecified(), routers, &ndp.RouterSolicitation{}), "", true},
		{"Neighbor Solicitation", frameOf(t, node, node, &ndp.NeighborSolicitation{TargetAddress: node}), "", false},
		{"Neighbor Advertisement", frameOf(t, node, node, advertisement), "", false},
		{"6.1.1 hop limit", change(solicitation(t), ethernetHeader+7, 254), WrongHopLimit, false},
		{"6.1.1 checksum", change(solicitation(t), headers+2, 0x55), WrongChecksum, false},
		{"6.1.1 code", rightChecksum(change(solicitation(t), headers+1, 1)), WrongCode, false},
		{"6.1.1 length", rightChecksum(change(solicitation(t), ethernetHeader+5, 7)), Truncated, false},
		{"6.1.1 option length 0", rightChecksum(change(solicitation(t), headers+9, 0)), MalformedOption, false},
		{"option beyond the end", rightChecksum(change(solicitation(t), headers+9, 2)), MalformedOption, false},
		{"6.1.1 unspecified with link-layer address", rightChecksum(clearSource(solicitation(t))), WrongSource, false},
		{"multicast source", rightChecksum(change(solicitation(t), ethernetHeader+8, 0xff)), WrongSource, false},
		{"payload length beyond the frame", change(solicitation(t), ethernetHeader+5, 200), Truncated, false},
		{"group link-layer source", change(solicitation(t), 6, 3), WrongLinkLayer, false},
		{"7.1.1 multicast target", rightChecksum(change(frameOf(t, node, node, advertisement), headers+8, 0xff)), WrongTarget, false},
		{"7.1.2 solicited to a group", frameOf(t, node, netip.MustParseAddr("ff02::1"), advertisement), WrongTarget, false},
		{"another type", rightChecksum(change(solicitation(t), headers, 128)), NotForUs, false},
		{"IPv4", change(solicitation(t), ethernetHeader, 0x45), NotForUs, false},
		{"headers only", solicitation(t)[:headers], Truncated, false},
		{"empty", nil, Truncated, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, reason := parse(test.frame)
			if reason != test.want || got.solicits != test.solicits && reason == "" {
				t.Fatalf("parse: %+v, %q; want %q", got, reason, test.want)
			}
			if reason == "" && got.linkLayer != nodeMAC {
				t.Errorf("link-layer address %x", got.linkLayer)
			}
		})
	}
}

func change(frame []byte, offset int, value byte) []byte {
	frame[offset] = value
	return frame
}

func clearSource(frame []byte) []byte {
	clear(frame[ethernetHeader+8 : ethernetHeader+24])
	return frame
}

func FuzzParse(f *testing.F) {
	f.Add(solicitation(f))
	f.Add(frameOf(f, node, node, &ndp.NeighborAdvertisement{TargetAddress: node}))
	f.Add(frameOf(f, node, node, &ndp.NeighborSolicitation{TargetAddress: node}))
	f.Add(reportV1())
	f.Add(reportV2(2))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) > headers { // most mutations must get beyond the checksum
			at := bodyOf(frame)
			if end := headers + int(binary.BigEndian.Uint16(frame[ethernetHeader+4:])); at+icmpHeader <= end && end <= len(frame) {
				rightChecksum(frame)
			}
		}
		got, reason := parse(frame)
		if reason == "" && (got.linkLayer[0]&1 != 0 || got.source.IsMulticast()) {
			t.Errorf("accepted %+v", got)
		}
	})
}

// The lifetimes on the wire, RFC 4861 sections 4.2, 4.6.2 and 6.2.1.
func TestRouterAdvertisement(t *testing.T) {
	l := &Link{mtu: 1460}
	ra := l.routerAdvertisement(&port{linkLayer: [6]byte{0, 0, 0x5e, 0, 0x52, 0x13}}, Advertisement{
		Prefixes:           []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("2001:db8:2::/56")},
		DeprecatedPrefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:3::/64")},
		PrefixLifetime:     1500e6,
		RouterLifetime:     20000e9,
	})
	if ra.RouterLifetime != maximumRouterLifetime || len(ra.Options) != 5 {
		t.Fatalf("%+v", ra)
	}
	for i, want := range []ndp.PrefixInformation{
		{PrefixLength: 64, OnLink: true, AutonomousAddressConfiguration: true, ValidLifetime: 1e9, PreferredLifetime: 1e9, Prefix: netip.MustParseAddr("2001:db8:1::")},
		{PrefixLength: 56, OnLink: true, ValidLifetime: 1e9, PreferredLifetime: 1e9, Prefix: netip.MustParseAddr("2001:db8:2::")},
		{PrefixLength: 64, OnLink: true, AutonomousAddressConfiguration: true, Prefix: netip.MustParseAddr("2001:db8:3::")},
	} {
		if got := *ra.Options[2+i].(*ndp.PrefixInformation); got != want {
			t.Errorf("prefix %d: %+v, want %+v", i, got, want)
		}
	}
	if clamp(1, maximumRouterLifetime) != 1e9 {
		t.Error("a lifetime of less than a second became a withdrawal")
	}
}
