package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
)

// decodedLine is what a script would read from a line of JSON.
type decodedLine struct {
	Frame               int
	Time                string
	Src, Dst, Transport string
	Type                uint8
	Name                string
	Sequence, Lifetime  *uint32
	Status              *uint8
	Options             []struct {
		Type uint8
		Name string
	}
	Errors []string

	Message, Source, Destination string // of MIH, whose lines have no name and no options
	SID, Opcode, AID, TID        *int
	ACKRequest                   *bool `json:"ack_req"`
	ACKResponse                  *bool `json:"ack_rsp"`
	SrcPort                      int   `json:"src_port"`
	DstPort                      int   `json:"dst_port"`
	Fragment                     *int
	Reassembled                  bool
	TLVs                         []struct {
		Type int
		Name string
	}
}

// whole says whether a line has what every line of its kind has.
func (m decodedLine) whole() bool {
	if m.Message != "" {
		return m.SID != nil && m.Opcode != nil && m.AID != nil && m.TID != nil && m.ACKRequest != nil && m.ACKResponse != nil && m.TLVs != nil && m.Transport != ""
	}
	return m.Name != "" && m.Options != nil
}

// decodedJSON reads the JSON form back, every line of which has to be whole.
func decodedJSON(t testing.TB, capture []byte) ([]decodedLine, error) {
	t.Helper()
	var out strings.Builder
	err := decodeCapture(&options{json: true, out: &out}, bytes.NewReader(capture))
	var messages []decodedLine
	for line := range strings.Lines(out.String()) {
		var m decodedLine
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		if m.Src == "" || m.Dst == "" || m.Errors == nil || !m.whole() {
			t.Fatalf("not all fields in %s", line)
		}
		messages = append(messages, m)
	}
	return messages, err
}

func decodedText(capture []byte) (string, error) {
	var out strings.Builder
	err := decodeCapture(&options{out: &out}, bytes.NewReader(capture))
	return out.String(), err
}

var captureTime = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

// pcapFile is a capture in pcap format.
func pcapFile(linkType uint32, packets ...[]byte) []byte {
	var b []byte
	for _, field := range []uint32{0xa1b2c3d4, 4<<16 | 2, 0, 0, 65535, linkType} {
		b = binary.LittleEndian.AppendUint32(b, field)
	}
	for _, packet := range packets {
		for _, field := range []int{int(captureTime.Unix()), captureTime.Nanosecond() / 1000, len(packet), len(packet)} {
			b = binary.LittleEndian.AppendUint32(b, uint32(field))
		}
		b = append(b, packet...)
	}
	return b
}

func testCapture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDecodeGolden reads testdata/decode: captures of two other implementations as text and as JSON.
func TestDecodeGolden(t *testing.T) {
	datadriven.RunTest(t, "testdata/decode", func(t *testing.T, d *datadriven.TestData) string {
		args := []string{"decode", filepath.Join("testdata", d.CmdArgs[0].Key)}
		if d.Cmd == "json" {
			args = append(args, "--json")
		}
		out, err := run(t, "", args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	})
}

// TestDecodeLikeTshark compares what tshark reads with what we read, also after editcap made a pcapng file of it.
func TestDecodeLikeTshark(t *testing.T) {
	for _, name := range []string{"opmip.pcap", "oai.pcap"} {
		ng := filepath.Join(t.TempDir(), "capture.pcapng")
		tool(t, "editcap", "-F", "pcapng", filepath.Join("testdata", name), ng)
		capture, err := os.ReadFile(ng)
		if err != nil {
			t.Fatal(err)
		}
		want := tool(t, "tshark", "-r", ng, "-Y", "mipv6", "-T", "fields", "-E", "separator=,", "-e", "frame.number", "-e", "frame.time_epoch",
			"-e", "ipv6.src", "-e", "ipv6.dst", "-e", "mip6.mhtype", "-e", "mip6.bu.seqnr", "-e", "mip6.ba.seqnr",
			"-e", "mip6.bu.lifetime", "-e", "mip6.ba.lifetime", "-e", "mip6.ba.status")
		for format, capture := range map[string][]byte{"pcap": testCapture(t, name), "pcapng": capture} {
			messages, err := decodedJSON(t, capture)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, likeTshark(t, messages)); d != "" {
				t.Errorf("%s as %s (-tshark +netlmmctl):\n%s", name, format, d)
			}
		}
	}
}

func likeTshark(t *testing.T, messages []decodedLine) string {
	t.Helper()
	var b strings.Builder
	for _, m := range messages {
		at, err := time.Parse(time.RFC3339Nano, m.Time)
		if err != nil {
			t.Fatal(err)
		}
		fields := [5]string{} // sequence and lifetime of update and acknowledgement, status
		if of := int(m.Type) - 5; m.Sequence != nil {
			fields[of] = fmt.Sprint(*m.Sequence)
			fields[2+of] = fmt.Sprint(*m.Lifetime / 4)
		}
		if m.Status != nil {
			fields[4] = fmt.Sprint(*m.Status)
		}
		fmt.Fprintf(&b, "%d,%d.%09d,%s,%s,%d,%s\n", m.Frame, at.Unix(), at.Nanosecond(), m.Src, m.Dst, m.Type, strings.Join(fields[:], ","))
	}
	return b.String()
}

func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v (Debian package tshark)", name, err)
	}
	return string(out)
}

func TestDecodeWhatIsNoCapture(t *testing.T) {
	opmip := testCapture(t, "opmip.pcap")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	z.Write(opmip)
	z.Close()
	flipped := bytes.Clone(opmip)
	flipped[24+8+3] = 0x7f // the first packet is 2 GB long
	for name, test := range map[string]struct {
		capture  string
		messages int
		want     string
	}{
		"nothing":           {"", 0, "is no capture: want pcap or pcapng"},
		"text":              {strings.Repeat("hello ", 100), 0, "is no capture"},
		"half a header":     {string(opmip[:20]), 0, "is no capture"},
		"gzip of nothing":   {"\x1f\x8b", 0, "is no capture"},
		"gzip":              {zipped.String(), 6, ""},
		"gzip cut":          {zipped.String()[:zipped.Len()-8], 6, "after 8 packets: the capture is cut short"},
		"cut in a packet":   {string(opmip[:len(opmip)-1]), 5, "after 7 packets: the capture is cut short"},
		"cut before octets": {string(opmip[:24+16]), 0, "after 0 packets: the capture is cut short"},
		"cut in a header":   {string(opmip[:24+5]), 0, "after 0 packets: the capture is cut short"},
		"a huge packet":     {string(flipped), 0, "after 0 packets: the capture is damaged"},
		"a strange link":    {string(pcapFile(127, make([]byte, 60))), 0, "packets of link type [127]"},
		"no packets":        {string(pcapFile(1)), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			messages, err := decodedJSON(t, []byte(test.capture))
			if len(messages) != test.messages {
				t.Errorf("%d messages, want %d", len(messages), test.messages)
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestDecodeCommand(t *testing.T) {
	if out, err := run(t, string(pcapFile(1)), "decode", "-"); err != nil || out != "no Mobility Header and no MIH message in 0 packets\n" {
		t.Errorf("error %v, output %q", err, out)
	}
	if out, err := run(t, "", "decode", "testdata/decode"); err == nil || !strings.Contains(out, "testdata/decode: is no capture") {
		t.Errorf("error %v, output %q", err, out)
	}
	for _, args := range [][]string{{"decode"}, {"decode", "testdata"}, {"decode", "/nonexistent"}} {
		if out, err := run(t, "", args...); err == nil {
			t.Errorf("%v: %q", args, out)
		}
	}
}
