package main

import (
	"errors"
	"strings"
	"testing"
	"unicode"
)

func captures(t testing.TB) [][]byte {
	list := [][]byte{testCapture(t, "opmip.pcap"), testCapture(t, "oai.pcap"), mixedPcapng(t)}
	for _, packets := range mihCaptures(t) {
		list = append(list, pcapFile(linkRaw, packets...))
	}
	for _, e := range encapsulations(t) {
		list = append(list, pcapFile(uint32(e.linkType), e.data))
	}
	return list
}

// wantDecoded decodes any octets in both forms.
func wantDecoded(t *testing.T, capture []byte) (text string, err error) {
	t.Helper()
	text, err = decodedText(capture)
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }) {
		t.Fatalf("not for a terminal: %q", text)
	}
	heads := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "  ") && !strings.HasPrefix(line, "no Mobility Header and no MIH message in ") {
			heads++
		}
	}
	messages, jsonErr := decodedJSON(t, capture)
	if len(messages) != heads || (err == nil) != (jsonErr == nil) {
		t.Fatalf("JSON has %d messages and error %v, text %d and error %v", len(messages), jsonErr, heads, err)
	}
	return text, err
}

func FuzzDecode(f *testing.F) {
	for _, capture := range captures(f) {
		f.Add(capture)
	}
	f.Fuzz(func(t *testing.T, capture []byte) { wantDecoded(t, capture) })
}

// A capture that ends anywhere gives what came before, and says so unless it ended between two packets.
func TestDecodeEveryTruncation(t *testing.T) {
	for _, capture := range captures(t) {
		whole, err := decodedText(capture)
		if err != nil {
			t.Fatal(err)
		}
		for size := range capture {
			text, err := wantDecoded(t, capture[:size])
			if err != nil && !errors.Is(err, errCut) && !errors.Is(err, errNoCapture) {
				t.Fatalf("after %d octets: %v", size, err)
			}
			if !strings.HasPrefix(text, "no Mobility Header") && !strings.HasPrefix(whole, text) {
				t.Fatalf("after %d octets: %q is no beginning of %q", size, text, whole)
			}
		}
	}
}

// A packet that was captured in part is described as far as it goes.
func TestDecodeEveryTruncatedPacket(t *testing.T) {
	for _, e := range encapsulations(t) {
		for size := range e.data {
			if _, err := wantDecoded(t, pcapFile(uint32(e.linkType), e.data[:size])); err != nil {
				t.Fatalf("%s after %d octets: %v", e.name, size, err)
			}
		}
	}
}
