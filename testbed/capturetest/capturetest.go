// Package capturetest is for tests that read captures: packet by packet, and through tshark as a decoder that others wrote.
package capturetest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// Packets are the packets of a pcap file, in order.
func Packets(t testing.TB, file string) (packets []gopacket.Packet) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return packets
		} else if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		packets = append(packets, gopacket.NewPacket(data, r.LinkType(), gopacket.Default))
	}
}

// Tshark returns those of the fields that tshark shows, by packet of the file.
func Tshark(t testing.TB, file string, fields []string) (packets []map[string]string) {
	t.Helper()
	path, err := exec.LookPath("tshark")
	if err != nil {
		t.Fatalf("%v: install the Debian package tshark", err)
	}
	arguments := []string{"-r", file, "-T", "fields", "-E", "separator=|"}
	for _, field := range fields {
		arguments = append(arguments, "-e", field)
	}
	command := exec.Command(path, arguments...)
	command.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	var problems bytes.Buffer
	command.Stderr = &problems
	output, err := command.Output()
	if err != nil {
		t.Fatalf("tshark: %v: %s", err, &problems)
	}
	for line := range strings.Lines(string(output)) {
		packet := map[string]string{}
		for i, value := range strings.Split(strings.TrimSuffix(line, "\n"), "|") {
			if value != "" && i < len(fields) {
				packet[fields[i]] = value
			}
		}
		packets = append(packets, packet)
	}
	return packets
}

// Write makes a pcap file of IP packets, each a series of layers, and returns its name.
func Write(t testing.TB, options gopacket.SerializeOptions, packets ...[]gopacket.SerializableLayer) string {
	t.Helper()
	var capture bytes.Buffer
	w := pcapgo.NewWriter(&capture)
	if err := w.WriteFileHeader(65535, layers.LinkTypeRaw); err != nil {
		t.Fatal(err)
	}
	for _, packet := range packets {
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, options, packet...); err != nil {
			t.Fatal(err)
		}
		info := gopacket.CaptureInfo{CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}
		if err := w.WritePacket(info, b.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "packets.pcap")
	if err := os.WriteFile(file, capture.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
