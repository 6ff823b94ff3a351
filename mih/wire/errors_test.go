package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"netlmm/mih"
)

// identifiers are those of two functions named a and b, whose octets end at offset 16.
const identifiers = "01020161" + "02020162"

// message is a whole message: a header for what follows it, in hex with blanks.
func message(t testing.TB, flagsAndID, payload string) []byte {
	t.Helper()
	head, err := hex.DecodeString(flagsAndID)
	if err != nil {
		t.Fatal(err)
	}
	body, err := hex.DecodeString(strings.ReplaceAll(payload, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{head[0], 0, head[1], head[2], 0, 7, byte(len(body) >> 8), byte(len(body))}, body...)
}

// station is a Link identifier TLV, 14 octets long.
const station = "0d0c 13 00000606 001122334455 00"

func TestDecodeErrors(t *testing.T) {
	const up, subscribe, report = "102c02", "101404", "102c05"
	tests := []struct {
		name   string
		octets []byte
		want   DecodeError
	}{
		{"nothing", nil, DecodeError{0, "header", "ends after 0 octets of 8", Drop}},
		{"half a header", []byte{0x10, 0, 0x2c}, DecodeError{3, "header", "ends after 3 octets of 8", Drop}},
		{"version", message(t, "202c02", ""), DecodeError{0, "Version", "is 2, want 1", Drop}},
		{"too short for its length", message(t, up, identifiers)[:12], DecodeError{6, "Payload length", "is 8, 4 octets follow the header", Drop}},
		{"too long for its length", append(message(t, up, identifiers), 0), DecodeError{6, "Payload length", "is 8, 9 octets follow the header", Drop}},
		{"fragment", message(t, "112c02", identifiers), DecodeError{0, "M and FN", "say that this is a fragment", Reassemble}},
		{"bare header", message(t, up, ""), DecodeError{8, "Source MIHF ID TLV", "does not stand here", Drop}},
		{"wrong first TLV", message(t, up, "02020162 01020161"), DecodeError{8, "Source MIHF ID TLV", "does not stand here", Drop}},
		{"no destination", message(t, up, "01020161"), DecodeError{12, "Destination MIHF ID TLV", "does not stand here", Drop}},
		{"identifier beyond the end", message(t, up, "01050461"), DecodeError{9, "Source MIHF ID TLV", "has 5 octets, the message 2", Drop}},
		{"identifier shorter than its TLV", message(t, up, "0103016161"), DecodeError{12, "Source MIHF ID TLV", "has 1 octets too many", Drop}},
		{"identifier longer than its TLV", message(t, up, "01020261 02020162"), DecodeError{10, "Source MIHF ID TLV", "2 octets do not fit into what follows, 1 octets", Drop}},
		{"identifier without its length", message(t, up, "0100 02020162"), DecodeError{10, "Source MIHF ID TLV", "ends within a length", Drop}},
		{"identifier too long", message(t, up, "018180"+"817e"+strings.Repeat("61", 254)+"02020162"),
			DecodeError{11, "Source MIHF ID TLV", "has 254 octets, an identifier at most 253", Drop}},

		{"type without length", message(t, up, identifiers+station+"64"), DecodeError{31, "Vendor specific TLV", "ends within its length", Acknowledge}},
		{"TLV beyond the end", message(t, up, identifiers+"0d0c13"), DecodeError{17, "Link identifier TLV", "has 12 octets, the message 1", Acknowledge}},
		{"length without its octets", message(t, up, identifiers+"0d82ff"), DecodeError{17, "Link identifier TLV", "ends within its length", Acknowledge}},
		{"huge length", message(t, up, identifiers+"0d88ffffffffffffffff"), DecodeError{17, "Link identifier TLV", "has 16777344 octets, the message 0", Acknowledge}},
		{"link event without a link", message(t, up, identifiers+"110101"), DecodeError{19, "Link identifier TLV", "is missing", Acknowledge}},
		{"request without a link", message(t, subscribe, identifiers+"050400000001"), DecodeError{22, "Link identifier TLV", "is missing", Refuse}},
		{"value that ends early", message(t, up, identifiers+"0d0513000006"+"06"), DecodeError{22, "Link identifier TLV", "6 octets do not fit into what follows, 0 octets", Acknowledge}},
		{"value that goes on", message(t, up, identifiers+"0d0d13 00000606 001122334455 0000"), DecodeError{30, "Link identifier TLV", "has 1 octets too many", Acknowledge}},
		{"twice", message(t, up, identifiers+station+station), DecodeError{30, "Link identifier TLV", "stands here a second time", Acknowledge}},
		{"identifiers twice", message(t, up, identifiers+station+"01020161"), DecodeError{30, "Source MIHF ID TLV", "stands here a second time", Acknowledge}},
		{"wrong order", message(t, up, identifiers+"110101"+station), DecodeError{19, "Link identifier TLV", "stands behind the IP renewal flag TLV", Acknowledge}},

		{"BOOLEAN of 2", message(t, up, identifiers+station+"110102"), DecodeError{32, "IP renewal flag TLV", "BOOLEAN is 2", Acknowledge}},
		{"unknown kind of link address", message(t, up, identifiers+"0d0313 0600"), DecodeError{19, "Link identifier TLV", "choice 6 where 5 is the last one", Acknowledge}},
		{"MAC address of 8 octets", message(t, up, identifiers+"0d0e13 00000608 0011223344556677 00"),
			DecodeError{20, "Link identifier TLV", "address of family 6 and 8 octets", Acknowledge}},
		{"MAC address that is IPv4", message(t, up, identifiers+"0d0a13 00000104 c0000201 00"), DecodeError{19, "Link identifier TLV", "is no MAC address", Acknowledge}},
		{"IP address that is MAC", message(t, "103406", identifiers+"2106 000000000000 2309 000606 001122334455"),
			DecodeError{26, "Access router address TLV", "is no IP address", Refuse}},
		{"address of no family", message(t, up, identifiers+"0d0613 00000000 00"), DecodeError{20, "Link identifier TLV", "address of family 0 and 0 octets", Acknowledge}},
		{"PoA that is neither", message(t, up, identifiers+"0d0c13 00000606 001122334455 02"), DecodeError{29, "Link identifier TLV", "choice 2 where 1 is the last one", Acknowledge}},
		{"list longer than its octets", message(t, report, identifiers+station+"1706 8100 0500 0000"),
			DecodeError{32, "Link parameter report list TLV", "128 elements do not fit into what follows, 4 octets", Acknowledge}},
		{"unknown technology", message(t, report, identifiers+station+"1707 01 0c00 00ffc4 00"),
			DecodeError{33, "Link parameter report list TLV", "choice 12 where 11 is the last one", Acknowledge}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := Decode(test.octets)
			var got *DecodeError
			if !errors.As(err, &got) {
				t.Fatalf("error %v", err)
			}
			if *got != test.want {
				t.Errorf("got  %+v\nwant %+v", *got, test.want)
			}
			if known := got.Reaction == Acknowledge || got.Reaction == Refuse; known != (m.Source == "a" && m.Destination == "b") || m.Body != nil || m.Extra != nil {
				t.Errorf("the message is %+v", m)
			}
			if d := Describe(test.octets); len(d.Errors) == 0 && !IsFragment(test.octets) {
				t.Errorf("described without an error:\n%s", d)
			}
		})
	}
}

// TestTolerance: what is read although nothing here writes it so.
func TestTolerance(t *testing.T) {
	link := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(0, 0x11, 0x22, 0x33, 0x44, 0x55)}}
	none := Decoder{}
	for _, test := range []struct {
		name    string
		decoder Decoder
		octets  []byte
		again   string // what Append makes of it, after the identifiers; "same"
	}{
		{"TLVs that the message does not have", none, message(t, "102c02", identifiers+"6401aa"+station+"350101"+"fe00"+"5f0100"), station + "6401aa350101fe005f0100"},
		{"longer length than need be", none, message(t, "103801", identifiers+"030100"+"648100"+strings.Repeat("aa", 128)), "0301006480" + strings.Repeat("aa", 128)},
		{"any order", Decoder{AnyOrder: true}, message(t, "102c02", identifiers+"110101"+station), station + "110101"},
		{"bitmap from the other end", Decoder{MSB0Bitmaps: true}, message(t, "101404", identifiers+station+"0504fe000000"), station + "05040000007f"},
		{"rejected as 3", none, message(t, "10340a", identifiers+station+strings.Replace(station, "0d", "0e", 1)+"280103"), station + strings.Replace(station, "0d", "0e", 1) + "280102"},
		{"lifetime as time interval", none, message(t, "101802", identifiers+"0301001502012c"), "same"},
		{"lifetime as valid time interval", none, message(t, "101802", identifiers+"0301000c040000012c"), "same"},
		{"lifetime in both", none, message(t, "101802", identifiers+"0301000c040000012c15020001"), "0301000c040000012c"},
		{"no word on authentication", none, message(t, "104401", identifiers+"2f0200ff"), "2f0200ff3d0100"},
		{"reserved bits", none, func() []byte { b := message(t, "102c02", identifiers+station); b[1], b[4] = 1, 0xf0; return b }(), station},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, err := test.decoder.Decode(test.octets)
			if err != nil {
				t.Fatal(err)
			}
			want := test.octets
			if test.again != "same" {
				want = message(t, hex.EncodeToString([]byte{test.octets[0], test.octets[2], test.octets[3]}), identifiers+test.again)
			}
			if got, err := m.Append(nil); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%+v became\n%x, %v, want\n%x", m, got, err, want)
			}
			if up, ok := m.Body.(LinkUp); ok && up.Link != link {
				t.Errorf("link %+v", up.Link)
			}
		})
	}
}

func TestWhatAppendRefuses(t *testing.T) {
	link := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(2, 0, 0, 0, 0, 1)}}
	long := strings.Repeat("x", 254)
	for want, m := range map[string]Message{
		"Source MIHF ID TLV: has 254 octets, an identifier at most 253":    {Source: mih.MIHFID(long), Body: LinkUp{Link: link}},
		"Mobile node MIHF ID TLV: has 254 octets, an identifier at most":   {Body: N2NHOCompleteRequest{MobileNode: mih.MIHFID(long), Link: link, NewLink: link}},
		"transaction 4096: at most 4095":                                   {Header: Header{TransactionID: 4096}, Body: LinkUp{Link: link}},
		"Link identifier TLV: has no link address":                         {Body: LinkUp{}},
		"65537 octets after the header: at most 65535":                     {Body: DeRegisterRequest{}, Extra: []TLV{{200, strings.Repeat("x", 65537-6-4)}}},
		"Info query binary data list TLV: location of kind 0":              {Body: GetInformationRequest{BinaryQueries: []mih.BinaryQuery{{Location: &mih.QuerierLocation{Location: &mih.Location{}}}}}},
		"Link parameter report list TLV: choice 12 where 11 is the last":   {Body: LinkParametersReport{link, []mih.LinkParameterReport{{LinkParameter: mih.LinkParameter{Type: 0xc00}}}}},
		"Link parameter report list TLV: choice 6 where 5 is the last one": {Body: LinkParametersReport{link, []mih.LinkParameterReport{{LinkParameter: mih.LinkParameter{QoS: &mih.QoSValue{Kind: 6}}}}}},
		"Info query binary data list TLV: 3 octets, want 4":                query(mih.Location{Kind: mih.LocationCell, Octets: "abc"}),
		"Info query binary data list TLV: location without a country code": query(mih.Location{Kind: mih.LocationCivicBinary}),
		"Link actions list TLV: has no link address":                       {Body: LinkActionsRequest{[]mih.LinkActionRequest{{}}}},
		"List of link PoA list TLV: has no link address":                   {Body: NetHOCandidateQueryRequest{Suggested: []mih.LinkPointsOfAttachment{{}}}},
		"Info query binary data list TLV: 2 octets, want 16":               query(mih.Location{Kind: mih.LocationGeoBinary, Octets: "ab"}),
		"PoA TLV: has no link address":                                     {Body: N2NHOCommitRequest{Link: link.Link}},
		"Link address list TLV: has no link address":                       {Body: CapabilityDiscoverRequest{Capabilities{Links: []mih.NetworkTypeAddress{{}}}}},
	} {
		before := []byte("before")
		if got, err := m.Append(before); err == nil || !strings.Contains(err.Error(), want) || string(got) != "before" {
			t.Errorf("got %x, %v, want %s", got, err, want)
		}
	}
}

func query(where mih.Location) Message {
	return Message{Body: GetInformationRequest{BinaryQueries: []mih.BinaryQuery{{Location: &mih.QuerierLocation{Location: &where}}}}}
}

// TestLongest: a message of the greatest length there is is written and read; one octet more is refused above.
func TestLongest(t *testing.T) {
	m := Message{Header: Header{MessageID: IDDeRegisterRequest}, Body: DeRegisterRequest{}, Extra: []TLV{{200, strings.Repeat("x", 65535-6-4)}}}
	b, err := m.Append(nil)
	if err != nil || len(b) != MaximumMessage {
		t.Fatalf("%d octets, %v", len(b), err)
	}
	if got, err := Decode(b); err != nil || len(got.Extra) != 1 || got.Extra[0] != m.Extra[0] {
		t.Errorf("%d extra, %v", len(got.Extra), err)
	}
}

// TestNearestThatFits: what a field cannot hold is written as the nearest that it can.
func TestNearestThatFits(t *testing.T) {
	link := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(2, 0, 0, 0, 0, 1)}}
	report := func(p mih.LinkParameterType, value int) Body {
		return LinkParametersReport{link, []mih.LinkParameterReport{{LinkParameter: mih.LinkParameter{Type: p, Value: value}}}}
	}
	for _, test := range []struct{ body, want Body }{
		{LinkGoingDown{Link: link, TimeInterval: 1 << 60}, LinkGoingDown{Link: link, TimeInterval: 65535e6}},
		{LinkGoingDown{Link: link, TimeInterval: -1e9}, LinkGoingDown{Link: link}},
		{LinkGoingDown{Link: link, TimeInterval: 1999999}, LinkGoingDown{Link: link, TimeInterval: 1e6}},
		{report(mih.ParameterDataRate, 144000), report(mih.ParameterDataRate, 65535)},
		{report(mih.ParameterDataRate, -1), report(mih.ParameterDataRate, 0)},
		{report(mih.Parameter80211RSSI, -1<<20), report(mih.Parameter80211RSSI, -32768)},
		{LinkDetected{[]mih.LinkDetected{{Link: link, SignalStrength: mih.SignalStrength{Value: -300}}}}, LinkDetected{[]mih.LinkDetected{{Link: link, SignalStrength: mih.SignalStrength{Value: -128}}}}},
		{LinkDetected{[]mih.LinkDetected{{Link: link, SignalStrength: mih.SignalStrength{Value: 300, Percentage: true}}}}, LinkDetected{[]mih.LinkDetected{{Link: link, SignalStrength: mih.SignalStrength{Value: 255, Percentage: true}}}}},
	} {
		got, err := Message{Body: test.body}.Append(nil)
		want, wantErr := Message{Body: test.want}.Append(nil)
		if err != nil || wantErr != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v is written\n%x, want\n%x", test.body, got, want)
		}
	}
}
