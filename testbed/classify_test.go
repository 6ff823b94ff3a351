package testbed

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	const ethernet = "020000000001 020000000002 86dd"
	// version to payload length, the next header given, hop limit and both addresses
	ip := func(next string) string {
		return ethernet + "60000000 0020" + next + "40" + strings.Repeat("00", 32)
	}
	ipv4 := func(protocol, fragment string) string {
		return "020000000001 020000000002 0800 45000020 0001" + fragment + "40" + protocol + "0000 cb007101 cb007111"
	}
	for _, test := range []struct {
		name, frame string
		want        frameClass
	}{
		{"Mobility Header", ip("87") + "3b00050000000001", frameMHInClear},
		{"Mobility Header behind destination options", ip("3c") + "8700010400000000" + "3b000500", frameMHInClear},
		{"Mobility Header behind hop-by-hop and routing", ip("00") + "2b00010400000000" + "8700000000000000" + "3b00", frameMHInClear},
		{"first fragment of a Mobility Header", ip("2c") + "8700000100000001" + "3b00", frameMHInClear},
		{"later fragment of a Mobility Header", ip("2c") + "8700010100000001" + "3b00", frameMHInClear},
		{"later fragment of something else", ip("2c") + "1100010100000001", frameOther},
		{"ESP", ip("32") + "c0000001 00000001", frameESP},
		{"ESP in UDP", ip("11") + "1194 1194 0010 0000 c0000001", frameESP},
		{"IKE on 4500", ip("11") + "1194 1194 0010 0000 00000000", frameIKE},
		{"NAT keepalive", ip("11") + "1194 1194 0009 0000 ff", frameIKE},
		{"IKE on 500", ip("11") + "01f4 01f4 0010 0000 00000000", frameIKE},
		{"MIH over UDP", ip("11") + "11c7 11c7 0010 0000 10000000", frameMIHInClear},
		{"MIH over UDP to any port", ip("11") + "11c7 9c40 0010 0000 10000000", frameMIHInClear},
		{"MIH over UDP from the port of IKE", ip("11") + "1194 11c7 0010 0000 00000000", frameMIHInClear},
		{"MIH over UDP behind destination options", ip("3c") + "1100010400000000" + "9c40 11c7 0010 0000", frameMIHInClear},
		{"first fragment of MIH over UDP", ip("2c") + "1100000100000001" + "11c7 11c7 0800 0000", frameMIHInClear},
		{"MIH over TCP", ip("06") + "9c40 11c7 00000001", frameMIHInClear},
		{"MIH over TCP, the answer", ip("06") + "11c7 9c40 00000001", frameMIHInClear},
		{"other TCP", ip("06") + "1389 9c40 00000001", frameOther},
		{"half the ports of TCP", ip("06") + "11c7", frameTruncated},
		{"other UDP", ip("11") + "1389 1389 0010 0000 00000000", frameOther},
		{"tunnelled data", ip("29") + "60", frameOther},
		{"ICMPv6", ip("3a") + "8700", frameOther},
		{"Mobility Header over IPv4", ipv4("11", "0000") + "153c 153c 0010 0000 3b000500", frameMHInClear},
		{"answer to another port over IPv4", ipv4("11", "4000") + "153c 8000 0010 0000 3b000500", frameMHInClear},
		{"first fragment over IPv4", ipv4("11", "2000") + "153c 153c 0010 0000 3b000500", frameMHInClear},
		{"later fragment over IPv4", ipv4("11", "2001") + "153c 153c 0010 0000 3b000500", frameOther},
		{"protocol 135 in IPv4", ipv4("87", "0000") + "3b000500", frameMHInClear},
		{"ESP over IPv4", ipv4("32", "4000") + "c0000001 00000001", frameESP},
		{"IKE over IPv4", ipv4("11", "4000") + "01f4 01f4 0010 0000 00000000", frameIKE},
		{"MIH over UDP over IPv4", ipv4("11", "4000") + "11c7 11c7 0010 0000 00000000", frameMIHInClear},
		{"MIH over TCP over IPv4", ipv4("06", "4000") + "8000 11c7 00000000", frameMIHInClear},
		{"tunnelled data over IPv4", ipv4("29", "4000") + "60", frameOther},
		{"half an IPv4 header", "020000000001 020000000002 0800 4500", frameTruncated},
		{"an IPv4 header longer than the packet", strings.Replace(ipv4("32", "4000"), " 45", " 4f", 1), frameTruncated},
		{"ARP", "ffffffffffff 020000000002 0806 0001", frameOther},
		{"extension header longer than the packet", ip("3c") + "87ff010400000000", frameTruncated},
		{"half an IPv6 header", ethernet + "6000", frameTruncated},
		{"half a UDP header", ip("11") + "1194", frameTruncated},
		{"nothing", "", frameOther},
	} {
		frame, err := hex.DecodeString(strings.ReplaceAll(test.frame, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := classify(frame); got != test.want {
			t.Errorf("%s: class %d, want %d", test.name, got, test.want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, frame []byte) {
		if class := classify(frame); class < 0 || class >= frameClassCount {
			t.Errorf("class %d", class)
		}
	})
}
