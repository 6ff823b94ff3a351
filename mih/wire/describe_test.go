package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// wantDescribed: a description has what tools promise, as text and as JSON.
func wantDescribed(t *testing.T, octets []byte) {
	t.Helper()
	for _, decoder := range []Decoder{{}, {MSB0Bitmaps: true}} {
		d := decoder.Describe(octets)
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var back struct {
			Message *string
			SID     *int `json:"sid"`
			TLVs    []struct {
				Type *int
				Name *string
			}
			Errors []string
		}
		if err := json.Unmarshal(b, &back); err != nil || back.Message == nil || *back.Message == "" || back.SID == nil || back.TLVs == nil || back.Errors == nil {
			t.Fatalf("%s: %v", b, err)
		}
		for _, tlv := range back.TLVs {
			if tlv.Type == nil || tlv.Name == nil {
				t.Fatalf("%s: a TLV without a name", b)
			}
		}
		if lines := strings.Count(d.String(), "\n"); lines != len(d.TLVs)+len(d.Errors) || !utf8.ValidString(d.String()) {
			t.Fatalf("%d lines for %d TLVs and %d errors:\n%s", lines, len(d.TLVs), len(d.Errors), d)
		}
	}
}

// TestEveryTLVHasAForm: none of the standard is shown as octets only.
func TestEveryTLVHasAForm(t *testing.T) {
	for tlv := TLVSource; tlv < endOfStandardTLVs; tlv++ {
		if tlvForms[tlv] == nil || strings.HasPrefix(tlv.String(), "reserved") {
			t.Errorf("TLV %d has no form or no name", tlv)
		}
	}
}

func TestDescribe(t *testing.T) {
	const link = `"link":{"type":19,"type_name":"IEEE 802.11","address":"00:11:22:33:44:55"}`
	tests := []struct {
		name       string
		octets     []byte
		text, json string
	}{
		{"Link_Up", message(t, "182c02", identifiers+station+"11010112020024"),
			`MIH_Link_Up indication (sid 2, opcode 3, aid 2): tid 7, ack_req, source "a", destination "b"
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value b
  Link identifier (13): link {type 19 (IEEE 802.11), address 00:11:22:33:44:55}
  IP renewal flag (17): value true
  Mobility management support (18): value 36 (mipv6, fmipv6)`,
			`{"message":"MIH_Link_Up","sid":2,"opcode":3,"opcode_name":"indication","aid":2,"tid":7,"ack_req":true,"ack_rsp":false,"pure_ack":false,"uir":false,` +
				`"source":"a","destination":"b","tlvs":[{"type":1,"name":"Source MIHF ID","value":"a"},{"type":2,"name":"Destination MIHF ID","value":"b"},` +
				`{"type":13,"name":"Link identifier",` + link + `},{"type":17,"name":"IP renewal flag","value":true},` +
				`{"type":18,"name":"Mobility management support","value":36,"value_names":["mipv6","fmipv6"]}],"errors":[]}`},
		{"acknowledgement to whom it may concern", message(t, "142c02", "01020161 020100"),
			`MIH_Link_Up indication (sid 2, opcode 3, aid 2): tid 7, ack_rsp, pure_ack, source "a", destination ""
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value ""`, ""},
		{"lists and alternatives", message(t, "103801", identifiers+"030100"+"1a07 02 00026869 01ff"+"1c21 01 13 00000606 001122334455 02 0001 010006 02 0500 00ffc4 0105 01 05 01 02 0064 00"),
			`MIH_Link_Get_Parameters response (sid 3, opcode 2, aid 1): tid 7, source "a", destination "b"
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value b
  Status (3): value 0 (success)
  Device states response list (26): list [{information hi}, {battery -1}]
  Get status response list (28): list [{` + `link {type 19 (IEEE 802.11), address 00:11:22:33:44:55}, status {states [{mode 1 (power_save)}, {channel 6}], ` +
				`parameters [{type 1280 (802.11_rssi), value -60}, {type 261 (qos_loss), qos {kind 5 (loss), losses [{class 2, loss 100}]}}], descriptors []}}]`, ""},
		{"lifetimes are seconds", message(t, "101802", identifiers+"03010015020e10"),
			`MIH_Register response (sid 1, opcode 2, aid 2): tid 7, source "a", destination "b"
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value b
  Status (3): value 0 (success)
  Time interval (21): seconds 3600`, ""},
		{"vendor, experiment, reserved", message(t, "101403", identifiers+"6405 00005e abcd"+"c80101"+"4000"),
			`MIH_DeRegister request (sid 1, opcode 1, aid 3): tid 7, source "a", destination "b"
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value b
  Vendor specific (100): oui 00005e, data 0xabcd
  experimental 200 (200): data 0x01
  reserved 64 (64): data ""`, ""},
		{"broken in two places", message(t, "102c03", identifiers+"0d0c13 00000606 001122334455 05"+"140101"+"15020a"),
			`MIH_Link_Down indication (sid 2, opcode 3, aid 3): tid 7, source "a", destination "b"
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value b
  Link identifier (13): data 0x130000060600112233445505
  Link down reason (20): value 1 (packet_timeout)
  Time interval (21): data 0x0a
  error: Link identifier TLV at offset 29: choice 5 where 1 is the last one
  error: Time interval TLV at offset 34: has 2 octets, the message 1`, ""},
		{"something is missing", message(t, "102c03", identifiers+station),
			`MIH_Link_Down indication (sid 2, opcode 3, aid 3): tid 7, source "a", destination "b"
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value b
  Link identifier (13): link {type 19 (IEEE 802.11), address 00:11:22:33:44:55}
  error: Link down reason TLV at offset 30: is missing`, ""},
		{"fragment", fragments(t, longMessage(t, 7, 40), 24)[1],
			`MIH_DeRegister request (sid 1, opcode 1, aid 3): tid 7, ack_req, fragment 1, data 0x` + strings.Repeat("6d", 16),
			`{"message":"MIH_DeRegister","sid":1,"opcode":1,"opcode_name":"request","aid":3,"tid":7,"ack_req":true,"ack_rsp":false,"pure_ack":false,"uir":false,` +
				`"fragment":1,"source":"","destination":"","tlvs":[],"data":"0x` + strings.Repeat("6d", 16) + `","errors":[]}`},
		{"unknown message", message(t, "10fc06", identifiers),
			`unknown indication (sid 15, opcode 3, aid 6): tid 7, source "a", destination "b"
  Source MIHF ID (1): value a
  Destination MIHF ID (2): value b`, ""},
		{"truncated", []byte{0x10, 0},
			`truncated: data 0x1000
  error: header at offset 2: ends after 2 octets of 8`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			wantDescribed(t, test.octets)
			d := Describe(test.octets)
			if got := d.String(); got != test.text {
				t.Errorf("got\n%s\nwant\n%s", got, test.text)
			}
			if b, err := json.Marshal(d); err != nil || test.json != "" && string(b) != test.json {
				t.Errorf("got\n%s, %v\nwant\n%s", b, err, test.json)
			}
		})
	}
}
