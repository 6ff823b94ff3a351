package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
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
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; ; n++ {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		packet := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		udp, ok := packet.Layer(layers.LayerTypeUDP).(*layers.UDP)
		if !ok {
			t.Fatalf("%s packet %d is no UDP", file, n)
		}
		all = append(all, vector{file, uint16(udp.SrcPort), uint16(udp.DstPort), bytes.Clone(udp.Payload)})
	}
}

func TestX(t *testing.T) {
	for _, v := range vectors(t) {
		m, err := Decode(v.octets)
		if err != nil {
			t.Logf("%v %s %x: %v", v.local(), v.name, v.octets, err)
			continue
		}
		if b, err := m.Append(nil); err != nil || !bytes.Equal(b, v.octets) {
			t.Errorf("%s: %x -> %x, %v", v.name, v.octets, b, err)
		}
	}
}
