package wire

import (
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"netlmm/mih"
	"netlmm/testbed/capturetest"
)

// TestTsharkReadsTheFrame holds header, identifiers and TLVs of every message against a decoder that others wrote. Where that one
// errs in a value (wire/mih.md section 8) it gives up, and its TLVs end there.
func TestTsharkReadsTheFrame(t *testing.T) {
	var all []Message
	var octets [][]byte
	for _, body := range bodies {
		for seed, short := 1, 0; short < 4; seed++ {
			m := messages(body).Example(seed)
			m.Source, m.Destination = "mihf1@example.net", "mihf2@example.net"
			if b, err := m.Append(nil); err == nil && len(b) < 1400 {
				short++
				all, octets = append(all, m), append(octets, b)
			}
		}
	}
	whole := 0
	for i, packet := range tshark(t, octets) {
		h := all[i].Header
		want := map[string]string{
			"mih.version": "1,1", "mih.acq_req": bit(h.ACKRequest), "mih.acq_resp": bit(h.ACKResponse), "mih.uir": bit(h.UnauthenticatedInformationRequest),
			"mih.more_frag": "0", "mih.frag_no": "0", "mih.mid": hex16(h.MessageID), "mih.service_id": hex16(h.MessageID.Service()),
			"mih.opcode": hex16(h.MessageID.Opcode()), "mih.action_id": hex16(h.MessageID.Action()),
			"mih.tid": strconv.Itoa(int(h.TransactionID)), "mih.pay_len": strconv.Itoa(len(octets[i]) - headerLength),
		}
		types, malformed := packet["mih.tlv_type"], packet["_ws.malformed"] != ""
		if malformed && strings.HasPrefix(typesOf(octets[i]), types) || types == typesOf(octets[i]) {
			want["mih.tlv_type"] = types
		} else {
			want["mih.tlv_type"] = typesOf(octets[i])
		}
		if !malformed {
			whole++
		}
		got := map[string]string{}
		for name := range want {
			got[name] = packet[name]
		}
		if d := cmp.Diff(want, got); d != "" || !strings.HasPrefix(packet["mih.mihf_id"], "mihf1@example.net,mihf2@example.net") {
			t.Errorf("%s %x: ids %q (-want +tshark):\n%s", reflect.TypeOf(all[i].Body).Name(), octets[i], packet["mih.mihf_id"], d)
		}
	}
	if whole < len(all)/3 {
		t.Errorf("tshark read %d of %d to the end", whole, len(all))
	}
}

// TestTsharkReadsTheValues: where it does not err, it reads what was meant.
func TestTsharkReadsTheValues(t *testing.T) {
	link := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(2, 0, 0, 0, 0, 1)}}
	next := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mac(2, 0, 0, 0, 0, 2)}}
	lifetime := 300 * time.Second
	m := Message{Header: Header{ACKRequest: true, TransactionID: 4095}, Source: "mihf1", Destination: "mihf2"}
	tests := []struct {
		body Body
		want map[string]string
	}{
		{LinkUp{Link: link, OldAccessRouter: mac(2, 0, 0, 0, 0, 3), IPRenewal: new(true)}, map[string]string{
			"mih.link_type": "19", "mih.mac_addr": "02:00:00:00:00:01,02:00:00:00:00:03", "mih.ip_renewal": "1", "mih.tlv_length": "6,6,12,10,1"}},
		{LinkDown{Link: link, Reason: mih.DownAuthenticationFailure}, map[string]string{"mih.mac_addr": "02:00:00:00:00:01", "mih.link_dn_reason": "4"}},
		{LinkGoingDown{Link: link, TimeInterval: 500 * time.Millisecond, Reason: mih.GoingDownLowPower}, map[string]string{
			"mih.time_interval": "500", "mih.link_gdn_reason": "2", "mih.mac_addr": "02:00:00:00:00:01"}},
		{LinkHandoverImminent{Link: link, NewLink: next}, map[string]string{"mih.mac_addr": "02:00:00:00:00:01,02:00:00:00:00:02", "mih.tlv_type": "1,2,13,14"}},
		{LinkParametersReport{link, []mih.LinkParameterReport{{LinkParameter: mih.LinkParameter{Type: mih.Parameter80211RSSI, Value: -60}, Crossed: &mih.Threshold{Value: -70, Direction: mih.ThresholdBelow}}}},
			map[string]string{"mih.link_param_802_11": "0", "mih.link_param_value": "65476", "mih.threshold_val": "65466", "mih.threshold_x_dir": "1"}},
		{RegisterRequest{Links: []mih.LinkID{link.Link, next.Link}, Code: mih.ReRegistration}, map[string]string{
			"mih.mac_addr": "02:00:00:00:00:01,02:00:00:00:00:02", "mih.reg_request_code": "1"}},
		{RegisterResponse{Lifetime: &lifetime}, map[string]string{"mih.status": "0", "mih.valid_time_interval": "300"}},
		{RegisterResponse{Lifetime: &lifetime, LifetimeAsTimeInterval: true}, map[string]string{"mih.status": "0", "mih.time_interval": "300"}},
		{MNHOCompleteRequest{link, next, mih.HandoverRejected}, map[string]string{"mih.mac_addr": "02:00:00:00:00:01,02:00:00:00:00:02", "mih.tlv_type": "1,2,13,14,40"}},
		{LinkActionsRequest{[]mih.LinkActionRequest{{Link: link.Link, Action: mih.LinkAction{Type: mih.ActionPowerDown}, After: 7 * time.Millisecond}}},
			map[string]string{"mih.link_ac_type": "3", "mih.link_ac_ext_time": "7"}},
		{GetInformationRequest{MaximumSize: new(uint16(1400)), Unauthenticated: true}, map[string]string{"mih.max_resp_size": "1400", "mih.unauth_info_req": "1"}},
		{DeRegisterRequest{}, map[string]string{"mih.tlv_type": "1,2,200", "mih.tlv_length_ext": "872"}}, // it does not add the 128
	}
	var octets [][]byte
	for _, test := range tests {
		m.Body, m.Extra = test.body, nil
		if _, ok := test.body.(DeRegisterRequest); ok {
			m.Extra = []TLV{{200, strings.Repeat("x", 1000)}}
		}
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		octets = append(octets, b)
	}
	for i, packet := range tshark(t, octets) {
		got := map[string]string{}
		for name := range tests[i].want {
			got[name] = packet[name]
		}
		if d := cmp.Diff(tests[i].want, got); d != "" || packet["_ws.malformed"] != "" {
			t.Errorf("%T %x: %s (-want +tshark):\n%s", tests[i].body, octets[i], packet["_ws.malformed"], d)
		}
	}
}

func TestTsharkReadsFragments(t *testing.T) {
	all := fragments(t, longMessage(t, 7, 3000), 1400)
	for i, packet := range tshark(t, all) {
		want := []string{"0x1403", "7", []string{"1", "1", "0"}[i], strconv.Itoa(i), strconv.Itoa(len(all[i]) - headerLength)}
		got := []string{packet["mih.mid"], packet["mih.tid"], packet["mih.more_frag"], packet["mih.frag_no"], packet["mih.pay_len"]}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("fragment %d (-want +tshark):\n%s", i, d)
		}
	}
}

func hex16[T ~uint8 | ~uint16](v T) string { return fmt.Sprintf("0x%04x", uint16(v)) }

func bit(set bool) string {
	if set {
		return "1"
	}
	return "0"
}

// typesOf are the types of a message's TLVs.
func typesOf(octets []byte) string {
	var types []string
	c := coder{buf: octets}
	for at := headerLength; at < len(octets); {
		tlv, _, end, _ := c.next(at)
		types, at = append(types, strconv.Itoa(int(tlv))), end
	}
	return strings.Join(types, ",")
}

var tsharkFields = []string{
	"mih.version", "mih.acq_req", "mih.acq_resp", "mih.uir", "mih.more_frag", "mih.frag_no", "mih.mid", "mih.service_id", "mih.opcode", "mih.action_id",
	"mih.tid", "mih.pay_len", "mih.tlv_type", "mih.tlv_length", "mih.tlv_length_ext", "mih.mihf_id", "mih.link_type", "mih.mac_addr", "mih.ip_renewal",
	"mih.link_dn_reason", "mih.time_interval", "mih.link_gdn_reason", "mih.link_param_802_11", "mih.link_param_value", "mih.threshold_val",
	"mih.threshold_x_dir", "mih.reg_request_code", "mih.status", "mih.valid_time_interval", "mih.link_ac_type", "mih.link_ac_ext_time",
	"mih.max_resp_size", "mih.unauth_info_req", "_ws.malformed",
}

// tshark returns the fields that it shows, by message, each of which goes into a UDP packet.
func tshark(t *testing.T, messages [][]byte) []map[string]string {
	t.Helper()
	var packets [][]gopacket.SerializableLayer
	for _, message := range messages {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IPv4(192, 0, 2, 1), DstIP: net.IPv4(192, 0, 2, 2)}
		udp := &layers.UDP{SrcPort: 4551, DstPort: 4551}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		packets = append(packets, []gopacket.SerializableLayer{ip, udp, gopacket.Payload(message)})
	}
	file := capturetest.Write(t, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, packets...)
	shown := capturetest.Tshark(t, file, tsharkFields)
	if len(shown) != len(messages) {
		t.Fatalf("tshark read %d packets, want %d", len(shown), len(messages))
	}
	return shown
}
