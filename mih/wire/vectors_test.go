package wire

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/gopacket/layers"

	"netlmm/mih"
	"netlmm/testbed/capturetest"
)

// vector is one message that the independent implementation ODTONE sent: what carried it, and its octets.
type vector struct {
	name        string
	source      uint16 // UDP port
	destination uint16
	octets      []byte
}

// local: the port belongs to a user or a link SAP, which speak a dialect (wire/mih.md section 7).
func (v vector) local() bool { return v.source < 4551 || v.destination < 4551 }

func vectors(t testing.TB) []vector {
	t.Helper()
	lines, err := os.ReadFile("testdata/mih-frames.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	for line := range strings.Lines(string(lines)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		octets, err := hex.DecodeString(fields[4])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, vector{name: fields[0] + " " + fields[3], source: 4551, destination: 4551, octets: octets})
	}
	for _, file := range []string{"odtone-two-mihf-release.pcap", "odtone-real-linksap-mihusr.pcap"} {
		all = append(all, captured(t, file)...)
	}
	return all
}

func captured(t testing.TB, file string) (all []vector) {
	t.Helper()
	for _, packet := range capturetest.Packets(t, "testdata/"+file) {
		udp := packet.Layer(layers.LayerTypeUDP).(*layers.UDP)
		all = append(all, vector{file, uint16(udp.SrcPort), uint16(udp.DstPort), udp.Payload})
	}
	return all
}

// TestVectors: what the independent implementation wrote, this package reads and writes again octet for octet. Only the dialect
// that it speaks with its own users and link SAPs has bodies that are none of the standard's; framing holds there too.
func TestVectors(t *testing.T) {
	typed := 0
	for _, v := range vectors(t) {
		for _, decoder := range []Decoder{{}, {Opaque: true}} {
			m, err := decoder.Decode(v.octets)
			if err != nil {
				if !v.local() || decoder.Opaque {
					t.Errorf("%s %x: %v", v.name, v.octets, err)
				}
				continue
			}
			if m.Body != nil && m.Body.MessageID() != 0 {
				typed++
			}
			if b, err := m.Append([]byte("before")); err != nil || !bytes.Equal(b, append([]byte("before"), v.octets...)) {
				t.Errorf("%s:\n%x became\n%x, %v", v.name, v.octets, b, err)
			}
		}
	}
	if typed < 100 {
		t.Errorf("only %d messages had a body of their own", typed)
	}
}

// TestVectorsSay holds what is read against wire/mih.md and what tshark says of the same frames.
func TestVectorsSay(t *testing.T) {
	station := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(0, 0x11, 0x22, 0x33, 0x44, 0x55)}}
	target := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(0, 0xaa, 0xbb, 0xcc, 0xdd, 0xee)}}
	old, next := mac(0, 0xa, 0xb, 0xc, 0xd, 0xe), mac(0, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e)
	wlan := mih.LinkType80211
	threshold := mih.Threshold{Value: -70, Direction: mih.ThresholdBelow}
	rssi := mih.LinkParameter{Type: mih.Parameter80211RSSI, Value: -60}
	lifetime := 300 * time.Second
	want := map[string]Message{
		"#9": {Header{ACKResponse: true, MessageID: IDCapabilityDiscoverResponse, TransactionID: 4084}, "mihf2", "mihf1", CapabilityDiscoverResponse{0, Capabilities{
			Links:  []mih.NetworkTypeAddress{{Network: mih.NetworkType{Link: &wlan}, Address: station.Link.Address}},
			Events: new(mih.EventList(0x7f)), Commands: new(mih.CommandList(0x1f)), QueryTypes: new(mih.QueryTypeList(0xf)), Transports: new(mih.TransportUDP)}}, nil},
		"#12": {Header{ACKRequest: true, MessageID: IDEventSubscribeRequest, TransactionID: 4085}, "mihf1", "mihf2", EventSubscribeRequest{station, 0x7f, nil}, nil},
		"#14": {Header{ACKResponse: true, MessageID: IDEventSubscribeRequest, TransactionID: 4085}, "mihf2", "mihf1", nil, nil},
		"#16": {Header{true, true, false, IDEventSubscribeResponse, 4085}, "mihf2", "mihf1", EventSubscribeResponse{0, station, new(mih.EventList(0x7f))}, nil},
		"#28": indication(4086, LinkGoingDown{station, 500 * time.Millisecond, mih.GoingDownParameterDegrading}),
		"#32": indication(4087, LinkParametersReport{station, []mih.LinkParameterReport{{LinkParameter: rssi, Crossed: &threshold}}}),
		"#36": indication(4088, LinkUp{station, old, next, new(true), new(mih.MobilityMIPv6 | mih.MobilityFMIPv6)}),
		"#44": indication(4090, LinkHandoverComplete{station, target, old, next, nil}),
		"#48": indication(4091, LinkDetected{[]mih.LinkDetected{{Link: station, NetworkID: "net1", SignalStrength: mih.SignalStrength{Value: -60}, SINR: 20,
			DataRate: 54000, MIHCapabilities: mih.CapabilityEventService | mih.CapabilityCommandService, NetworkCapabilities: mih.NetworkSecurity | mih.NetworkInternet}}}),
		"#56": {Header{true, true, false, IDLinkGetParametersResponse, 4086}, "mihf2", "mihf1", LinkGetParametersResponse{Links: []mih.LinkStatusOf{{
			Link: station.Link, Status: mih.LinkStatus{States: []mih.LinkState{{}}, Parameters: []mih.LinkParameter{rssi}, Descriptors: []mih.LinkDescriptor{{Count: 4}}}}}}, nil},
		"#80": {Header{true, true, false, IDRegisterResponse, 4089}, "mihf2", "mihf1", RegisterResponse{0, &lifetime, true}, nil},
		"#104": {Header{true, true, false, IDMNHOCandidateQueryResponse, 4092}, "mihf2", "mihf1", MNHOCandidateQueryResponse{0, station, []mih.QueriedResources{{
			Candidates: mih.LinkPointsOfAttachment{Link: target.Link, PointsOfAttachment: []mih.LinkAddress{target.Link.Address}},
			QoS:        mih.QoSList{Classes: 4, MinimumDelay: []mih.ClassDelay{{Class: 0, Delay: 10 * time.Millisecond}}},
			IPMethods:  mih.MethodsAnswer{Methods: new(mih.IPv6StatelessAutoconfiguration)}, DHCPServer: mih.AddressAnswer{Same: new(false)},
			AccessRouter: mih.AddressAnswer{Address: netip.MustParseAddr("10.0.0.1")}}}}, nil},
	}
	seen := 0
	for _, v := range vectors(t) {
		_, number, _ := strings.Cut(v.name, " ")
		number, _, _ = strings.Cut(number, " ")
		wanted, ok := want[number]
		if !ok {
			continue
		}
		seen++
		got, err := Decode(v.octets)
		if d := cmp.Diff(wanted, got, cmpopts.EquateEmpty(), sameAddresses); err != nil || d != "" {
			t.Errorf("%s: %v (-want +got):\n%s", v.name, err, d)
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d frames are there", seen, len(want))
	}
}

func indication(transaction uint16, body Body) Message {
	return Message{Header{ACKRequest: true, MessageID: body.MessageID(), TransactionID: transaction}, "mihf2", "mihf1", body, nil}
}

func mac(octets ...byte) mih.LinkAddress { return mih.MACAddress([6]byte(octets)) }

var sameAddresses = cmpopts.EquateComparable(netip.Addr{}, mih.LinkAddress{})
