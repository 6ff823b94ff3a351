package testbed

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// capturesPolicy gives the mobile node of a capture the prefix that it has there.
const capturesPolicy = `policy:
  mobile_nodes:
    - %s
      home_network_prefixes: ["2001:db8:aaaa:1::/64"]
`

// The updates that gateways of other implementations sent to their own anchor, octet for octet, to a running lmad that has
// their profile: each is answered as their own anchor answered it. To a strict peer that one of them is malformed, it is not.
func TestRunningAnchorUnderstandsOtherGateways(t *testing.T) {
	mags := map[string]netip.Addr{"2001:db8:1::2": MAG1Address, "2001:db8:1::3": MAG2Address} // of the captures, and here
	for _, c := range []struct {
		compat  string
		capture string
		node    string
		frames  [][2]int // an update, and the answer that it had
		refused bool
	}{
		// registration, re-registration, de-registration, registration by the other gateway, re-registration there
		{"oai", "oai-core.pcap", "mac: 02:00:00:00:00:a1", [][2]int{{4, 5}, {8, 10}, {27, 28}, {31, 32}, {33, 34}}, false},
		{"opmip", "opmip-core.pcap", "nai: mn1@example.net", [][2]int{{4, 5}, {18, 19}}, false}, // registration, and by the other gateway
		{"strict", "oai-core.pcap", "mac: 02:00:00:00:00:a1", [][2]int{{4, 5}}, true},
	} {
		t.Run(c.compat, func(t *testing.T) {
			messages := capturedMobilityHeaders(t, c.capture)
			a := newLoadedAnchor(t, "c"+c.compat, c.compat, fmt.Sprintf(capturesPolicy, c.node))
			a.startLMAD()
			a.ready(0)
			r, err := a.Record(NodeMAG1)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Stop()
			for _, exchange := range c.frames {
				update, answer := messages[exchange[0]], messages[exchange[1]]
				had := len(r.Received(byte(mh.TypeBindingAcknowledgement)))
				if err := a.SendMobilityHeader(NodeMAG1, mags[update.Source.String()], LMAAddress, update.Payload); err != nil {
					t.Fatal(err)
				}
				if c.refused {
					eventually(t, a.Domain, "lmad counts a malformed message", func() (bool, error) {
						return a.counter(t, NodeLMA, lmaDropped+"{malformed}") == 1, nil
					})
					continue
				}
				eventually(t, a.Domain, "lmad answers", func() (bool, error) { return len(r.Received(byte(mh.TypeBindingAcknowledgement))) > had, nil })
				got := r.Received(byte(mh.TypeBindingAcknowledgement))[had]
				sameAnswer(t, c.compat, exchange[0], got.Payload, answer.Payload)
			}
			if bindings := a.bindings(t); !c.refused && (len(bindings) != 1 || bindings[0].ProxyCareOfAddress != MAG2Address) {
				t.Errorf("bindings in the end: %+v; want one at the second gateway", bindings)
			} else if c.refused && len(bindings) > 0 {
				t.Errorf("bindings in the end: %+v", bindings)
			}
		})
	}
}

// sameAnswer holds the answer of lmad against that of the peer's own anchor: what a gateway decides by must be the same.
func sameAnswer(t *testing.T, compat string, frame int, got, want []byte) {
	t.Helper()
	if compat == "oai" {
		if got[1] != want[1] && len(got) == len(want) {
			t.Errorf("frame %d: Header Len %d for %d octets, its own anchor writes %d", frame, got[1], len(got), want[1])
		}
		got, want = mh.RepairHeaderLen(got), mh.RepairHeaderLen(want)
	}
	var g, w mh.BindingAcknowledgement
	if err := g.Decode(got); err != nil {
		t.Fatalf("frame %d: the answer %x: %v", frame, got, err)
	}
	if err := w.Decode(want); err != nil {
		t.Fatalf("frame %d: the captured answer %x: %v", frame, want, err)
	}
	if g.Status != mobility.StatusAccepted || g.Sequence != w.Sequence || g.Lifetime != w.Lifetime || g.Options.MobileNodeID != w.Options.MobileNodeID ||
		!slices.Equal(g.Options.HomeNetworkPrefixes, w.Options.HomeNetworkPrefixes) || g.Options.MobileNodeLinkLayerID != w.Options.MobileNodeLinkLayerID {
		t.Errorf("frame %d: the answer is\n%+v, its own anchor's was\n%+v", frame, g, w)
	}
	t.Logf("frame %d: answered %x\nits own anchor: %x", frame, got, want)
}

// capturedMobilityHeaders are the Mobility Headers of a capture by frame number.
func capturedMobilityHeaders(t *testing.T, name string) map[int]RecordedHeader {
	t.Helper()
	file, err := os.Open("../mobility/lma/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	headers := map[int]RecordedHeader{}
	for frame := 1; ; frame++ {
		data, info, err := reader.ReadPacketData()
		if err != nil {
			return headers
		}
		ip, ok := gopacket.NewPacket(data, reader.LinkType(), gopacket.Default).Layer(layers.LayerTypeIPv6).(*layers.IPv6)
		if ok && ip.NextHeader == unix.IPPROTO_MH {
			source, _ := netip.AddrFromSlice(ip.SrcIP)
			headers[frame] = RecordedHeader{At: info.Timestamp, Source: source, Payload: bytes.Clone(ip.Payload)}
		}
	}
}
