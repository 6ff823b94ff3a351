package accesslink

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
)

var (
	group      = netip.MustParseAddr("ff02::1:ff00:1")
	allRouters = netip.MustParseAddr("ff02::16")
)

// report is a frame with a Multicast Listener Report as a host sends it.
func report(destination netip.Addr, body []byte) []byte {
	payload := append([]byte{58, 0, optionRouter, 2, 0, 0, optionPadN, 0}, body...)
	frame := append([]byte{0x33, 0x33, 0, 0, 0, 0x16}, nodeMAC[:]...)
	frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0, byte(len(payload)>>8), byte(len(payload)), 0, mldHopLimit)
	frame = append(frame, node.AsSlice()...)
	frame = append(frame, destination.AsSlice()...)
	return rightChecksum(append(frame, payload...))
}

func reportV1() []byte {
	return report(group, append([]byte{131, 0, 0, 0, 0, 0, 0, 0}, group.AsSlice()...))
}

// reportV2 has as many records, each with a source and a word of auxiliary data.
func reportV2(records int) []byte {
	body := []byte{143, 0, 0, 0, 0, 0, byte(records >> 8), byte(records)}
	for range records {
		body = append(body, 4, 1, 0, 1)
		body = append(body, group.AsSlice()...)
		body = append(body, node.AsSlice()...)
		body = append(body, 1, 2, 3, 4)
	}
	return report(allRouters, body)
}

// Reports count only as RFC 3810 and RFC 2710 have them sent.
func TestParseReport(t *testing.T) {
	const options, message, record = headers + 2, headers + routerAlertSize, headers + routerAlertSize + 8
	cut := func(frame []byte, octets int) []byte { // of the packet
		frame = frame[:len(frame)-octets]
		binary.BigEndian.PutUint16(frame[ethernetHeader+4:], uint16(len(frame)-headers))
		return frame
	}
	for _, test := range []struct {
		name  string
		frame []byte
		want  DropReason
	}{
		{"MLDv1", reportV1(), ""},
		{"MLDv2", reportV2(3), ""},
		{"no record", reportV2(0), ""},
		{"unspecified source", rightChecksum(clearSource(reportV2(1))), ""},
		{"code", rightChecksum(change(reportV2(1), message+1, 7)), ""}, // to be ignored, RFC 2710 section 3.2
		{"padding before the option", change(change(change(change(change(reportV1(), options, 0), options+1, 0), options+2, optionRouter), options+3, 2), options+4, 0), ""},
		{"hop limit", change(reportV1(), ethernetHeader+7, 2), WrongHopLimit},
		{"checksum", change(reportV2(1), message+2, 0x55), WrongChecksum},
		{"global source", rightChecksum(change(reportV1(), ethernetHeader+8, 0x20)), WrongSource},
		{"multicast source", rightChecksum(change(reportV1(), ethernetHeader+8, 0xff)), WrongSource},
		{"no Router Alert", change(reportV1(), options, optionPadN), NoRouterAlert},
		{"Router Alert of RSVP", change(reportV1(), options+3, 1), NoRouterAlert},
		{"empty Router Alert", change(reportV1(), options+1, 0), NoRouterAlert},
		{"option beyond the end", change(reportV1(), options+1, 5), MalformedOption},
		{"a query", rightChecksum(change(reportV2(1), message, 130)), NotForUs},
		{"behind another header", change(reportV1(), headers, 43), NotForUs},
		{"longer options", change(reportV1(), headers+1, 1), NotForUs},
		{"MLDv1, no group", rightChecksum(change(reportV1(), message+8, 0xfe)), WrongTarget},
		{"MLDv1, cut", rightChecksum(cut(reportV1(), 1)), Truncated},
		{"MLDv2, no group", rightChecksum(change(reportV2(1), record+4, 0xfe)), WrongTarget},
		{"MLDv2, cut", rightChecksum(cut(reportV2(2), 1)), Truncated},
		{"MLDv2, header cut", rightChecksum(cut(reportV2(0), 1)), Truncated},
		{"MLDv2, more records than there are", rightChecksum(change(reportV2(2), message+6, 0xff)), Truncated},
		{"MLDv2, more sources than there are", rightChecksum(change(reportV2(2), record+2, 0xff)), Truncated},
		{"options only", cut(reportV2(0), 8), Truncated},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, reason := parse(test.frame)
			if reason != test.want || got.solicits {
				t.Fatalf("parse: %+v, %q; want %q", got, reason, test.want)
			}
			if reason == "" && got.linkLayer != nodeMAC {
				t.Errorf("link-layer address %x", got.linkLayer)
			}
		})
	}
}

// The query octet by octet, RFC 3810 section 5.1 behind the header of RFC 2711.
func TestListenerQuery(t *testing.T) {
	got, err := listenerQuery(nodeMAC, node)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := hex.DecodeString("000000000000" + "020000000001" + "86dd" +
		"60000000" + "0024" + "00" + "01" + hex.EncodeToString(node.AsSlice()) + "ff020000000000000000000000000001" +
		"3a00" + "05020000" + "0100" +
		"8200" + "0000" + "0064" + "0000" + "00000000000000000000000000000000" + "02" + "7d" + "0000")
	if sum := checksum(got[ethernetHeader+8:headers], got[headers+routerAlertSize:]); sum != 0 {
		t.Errorf("checksum off by %x", sum)
	}
	copy(want[headers+routerAlertSize+2:], got[headers+routerAlertSize+2:][:2])
	if !bytes.Equal(got, want) {
		t.Errorf("\n%x, want\n%x", got, want)
	}
}
