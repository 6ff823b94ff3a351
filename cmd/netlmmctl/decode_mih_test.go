package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"netlmm/mih"
	"netlmm/mih/wire"
)

const mihVectors = "../../mih/wire/testdata"

// TestDecodeMIHOfAnotherImplementation: every message between the two MIH Functions that is in mih-frames.tsv, which has none
// twice, and nothing wrong with any.
func TestDecodeMIHOfAnotherImplementation(t *testing.T) {
	frames, err := os.ReadFile(filepath.Join(mihVectors, "mih-frames.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for line := range strings.Lines(string(frames)) {
		fields := strings.Split(line, "\t")
		_, number, _ := strings.Cut(fields[0], "#")
		if fields[1] == "4551" || fields[2] == "4551" {
			want[strings.TrimSpace(number)+" "+fields[1]+" "+fields[2]] = true
		}
	}
	capture, err := os.ReadFile(filepath.Join(mihVectors, "odtone-two-mihf-release.pcap"))
	if err != nil {
		t.Fatal(err)
	}
	messages, err := decodedJSON(t, capture)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		at := fmt.Sprintf("%d %d %d", m.Frame, m.SrcPort, m.DstPort)
		if len(m.Errors) > 0 || m.Source == "" || m.Destination == "" || m.Transport != "udp" || len(m.TLVs) < 2 {
			t.Errorf("%s: %s, errors %q", at, m.Message, m.Errors)
		}
		delete(want, at)
	}
	if len(want) > 0 || len(messages) < 40 {
		t.Errorf("%d messages, not found: %v", len(messages), want)
	}
}

func TestDecodeMIHPorts(t *testing.T) {
	file := filepath.Join(mihVectors, "odtone-real-linksap-mihusr.pcap")
	count := func(args ...string) int {
		t.Helper()
		out, err := run(t, "", append([]string{"decode", file, "--json"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(out, "\n")
	}
	few, more, all := count(), count("--mih-port", "1025", "--mih-port", "4552"), count("--mih-port=1025,1026")
	if few == 0 || more <= few || all <= more {
		t.Errorf("%d messages, %d, %d with more and more ports", few, more, all)
	}
	if out, err := run(t, "", "decode", file, "--mih-port", "65536"); err == nil {
		t.Error(out)
	}
}

// mihOctets is a message that fills about so many octets, of which every one differs by its number.
func mihOctets(t testing.TB, number uint16, links int) []byte {
	t.Helper()
	body := wire.LinkGetParametersRequest{Status: mih.LinkStatusRequest{States: mih.AskChannel}}
	for i := range links {
		body.Links = append(body.Links, mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, byte(number), 0, 0, byte(i >> 8), byte(i)})})
	}
	octets, err := wire.Message{Header: wire.Header{TransactionID: number}, Source: "mag", Destination: "ap", Body: body}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

func mihOverUDP(t testing.TB, octets []byte) []byte {
	t.Helper()
	network := &layers.IPv6{NextHeader: layers.IPProtocolUDP, SrcIP: mag6.AsSlice(), DstIP: lma6.AsSlice()}
	return ip6(t, layers.IPProtocolUDP, udp(t, network, 40000, portMIH, octets))
}

// tcpSegment is one from a client to the port of MIH.
func tcpSegment(t testing.TB, sequence uint32, flags string, payload []byte) []byte {
	t.Helper()
	s := layers.TCP{SrcPort: 40000, DstPort: portMIH, Seq: sequence, ACK: true, SYN: flags == "SYN", FIN: flags == "FIN", RST: flags == "RST"}
	if err := s.SetNetworkLayerForChecksum(&layers.IPv6{NextHeader: layers.IPProtocolTCP, SrcIP: mag6.AsSlice(), DstIP: lma6.AsSlice()}); err != nil {
		t.Fatal(err)
	}
	return ip6(t, layers.IPProtocolTCP, serialized(t, &s, gopacket.Payload(payload)))
}

// mihCaptures are the packets of some captures.
func mihCaptures(t testing.TB) map[string][][]byte {
	a, b, c := mihOctets(t, 1, 2), mihOctets(t, 2, 40), mihOctets(t, 3, 1)
	seq := uint32(0xffffff00) // the numbers begin anew in the middle
	at := func(n int) uint32 { return seq + 1 + uint32(n) }
	fragments, err := wire.Fragment(b, 128)
	if err != nil {
		t.Fatal(err)
	}
	var inFragments [][]byte
	for i := range fragments {
		inFragments = append(inFragments, mihOverUDP(t, fragments[len(fragments)-1-i]))
	}
	all := bytes.Join([][]byte{a, b, c}, nil)
	ab := len(a) + len(b)
	return map[string][][]byte{
		"UDP":            {mihOverUDP(t, a), mihOverUDP(t, b[:20]), mihOverUDP(t, nil)},
		"fragments":      append(inFragments, inFragments[0]),
		"several in one": {tcpSegment(t, seq, "SYN", nil), tcpSegment(t, at(0), "", all)},
		"one in several": {
			tcpSegment(t, seq, "SYN", nil), tcpSegment(t, at(0), "", all[:3]), tcpSegment(t, at(0), "", all[:3]), tcpSegment(t, at(3), "", all[3:100]),
			tcpSegment(t, at(90), "", all[90:200]), tcpSegment(t, at(0), "", all[:50]), tcpSegment(t, at(200), "FIN", all[200:]),
		},
		"begun before":  {tcpSegment(t, at(10), "", all[10:len(a)]), tcpSegment(t, at(len(a)), "", all[len(a):])},
		"a gap":         {tcpSegment(t, at(0), "", all[:len(a)+20]), tcpSegment(t, at(len(a)+50), "", all[len(a)+50:ab]), tcpSegment(t, at(ab), "", c)},
		"cut off":       {tcpSegment(t, seq, "SYN", nil), tcpSegment(t, at(0), "", all[:ab-5]), tcpSegment(t, at(ab-5), "RST", nil)},
		"begun anew":    {tcpSegment(t, seq, "SYN", nil), tcpSegment(t, at(0), "", all[:ab-5]), tcpSegment(t, 7, "SYN", nil), tcpSegment(t, 8, "", c)},
		"another":       {tcpSegment(t, at(0), "", a), tcpSegment(t, at(0)-1<<30, "", c)},
		"garbage":       {tcpSegment(t, seq, "SYN", nil), tcpSegment(t, at(0), "", append(bytes.Clone(a), "GET / HTTP/1.1"...)), tcpSegment(t, at(len(a)+14), "", c)},
		"no TCP at all": {ip6(t, layers.IPProtocolTCP, a[:12]), ip6(t, layers.IPProtocolTCP, make([]byte, 20)), ip6(t, layers.IPProtocolTCP, bytes.Repeat([]byte{255}, 20))},
	}
}

// TestDecodeMIHTransports: which messages are found, by number of the packet where they end, transaction and errors.
func TestDecodeMIHTransports(t *testing.T) {
	want := map[string]string{
		"UDP": "1:1:0 2:2:2 3::1",
		// The last one comes twice, behind the whole.
		"fragments":      "1:2:0 2:2:0 3:2:0 4:2:0 4:2:0:reassembled 5:2:0",
		"several in one": "2:1:0 2:2:0 2:3:0",
		"one in several": "4:1:0 7:2:0 7:3:0",
		"begun before":   "2:2:0 2:3:0",
		"a gap":          "1:1:0 2:2:3 3:3:0",
		"cut off":        "2:1:0 3:2:3",
		"begun anew":     "2:1:0 3:2:3 4:3:0",
		"another":        "1:1:0 2:3:0",
		"garbage":        "2:1:0 2:3872:2 3:3:0",
		"no TCP at all":  "",
	}
	for name, packets := range mihCaptures(t) {
		t.Run(name, func(t *testing.T) {
			messages, err := decodedJSON(t, pcapFile(linkRaw, packets...))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range messages {
				text := fmt.Sprintf("%d:%d:%d", m.Frame, *m.TID, len(m.Errors))
				if m.Message == "truncated" {
					text = fmt.Sprintf("%d::%d", m.Frame, len(m.Errors))
				}
				if m.Reassembled {
					text += ":reassembled"
				}
				got = append(got, text)
			}
			if list := strings.Join(got, " "); list != want[name] {
				t.Errorf("got  %s\nwant %s", list, want[name])
				for _, m := range messages {
					t.Logf("%q", m.Errors)
				}
			}
		})
	}
}

// TestDecodeMIHConnectionsAreBounded: nobody's capture has more connections than are followed.
func TestDecodeMIHConnectionsAreBounded(t *testing.T) {
	c := newConnections()
	a := mihOctets(t, 1, 2)
	for i := range 3 * maximumConnections {
		way := flow{src: endAt(uint16(i + 1)), dst: endAt(portMIH)}
		if found := c.take(way, segment{sequence: 1, payload: a[:20]}); len(found) > 0 {
			t.Fatalf("found %v", found)
		}
	}
	if len(c.streams) != maximumConnections || c.recent.Len() != maximumConnections {
		t.Errorf("%d streams, %d of them in order", len(c.streams), c.recent.Len())
	}
	way := flow{src: endAt(3 * maximumConnections), dst: endAt(portMIH)}
	if found := c.take(way, segment{sequence: 21, payload: a[20:], ends: true}); len(found) != 1 || !bytes.Equal(found[0].octets, a) || len(c.streams) != maximumConnections-1 {
		t.Errorf("found %v, %d streams", found, len(c.streams))
	}
}

func endAt(port uint16) netip.AddrPort { return netip.AddrPortFrom(mag6, port) }
