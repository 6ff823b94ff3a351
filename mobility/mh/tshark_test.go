package mh

import (
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"netlmm/mobility"
	"netlmm/testbed/capturetest"
)

var (
	magAddress = netip.MustParseAddr("2001:db8:1::2")
	lmaAddress = netip.MustParseAddr("2001:db8:1::1")
)

// TestTsharkReadsWhatWeWrite holds every field against a decoder that others wrote.
func TestTsharkReadsWhatWeWrite(t *testing.T) {
	update, reply := fullUpdateMessage(), fullOptions()
	// tshark takes an identifier of any subtype for text: this MAC address is a piece of text.
	update.Options.MobileNodeID = mobility.EUI48([6]byte([]byte("jklmno")))
	reply.MobileNodeID = update.Options.MobileNodeID
	reply.Present &^= set(OptionAlternateCareOfAddress) // valid in an update only (RFC 6275 section 6.2.5)
	request := Options{
		Present:               set(OptionMobileNodeID, OptionHomeNetworkPrefix, OptionMobileNodeLinkLayerID, OptionServiceSelection),
		MobileNodeID:          mobility.NAI("mn1@example.net"),
		HomeNetworkPrefixes:   []netip.Prefix{netip.MustParsePrefix("::/0"), netip.MustParsePrefix("2001:db8:aaaa:200::/56")},
		MobileNodeLinkLayerID: "\x02\x00\x00\xff\xfe\x00\x00\x01",
		ServiceSelection:      "internet",
		Unknown:               []RawOption{{OptionVendorSpecific, "\x00\x00\x7e\xd9\x05\xab\xcd"}}, // 32473 is for examples
	}
	trafficOffload := offload(selecting(1, https()), selecting(1, everyRange()), IPv4TrafficOffloadSelector{Mode: 1, Format: 2, Data: "foreign"})
	trafficOffload.Present.Add(OptionRestartCounter)
	trafficOffload.RestartCounter, trafficOffload.Unknown = 9, request.Unknown
	tests := []struct {
		name   string
		m      codec
		fields map[string]string
	}{
		{"every option", update, fields(updateFields("1", "1", "15"), fullFields(), map[string]string{
			"mip6.acoa.acoa": "2001:db8:1::2", "mip6.mnid.subtype": "5", "mip6.mnid.identifier": "jklmno", "mip6.hlen": "14",
		})},
		{"NAI, two prefixes, EUI-64, unknown", &BindingUpdate{65535, UpdateProxy, 0, request}, fields(updateFields("65535", "0", "0"), map[string]string{
			"mip6.mnid.subtype": "1", "mip6.mnid.identifier": "mn1@example.net",
			"mip6.nemo.mnp.pfl": "0,56", "mip6.nemo.mnp.mnp": "::,2001:db8:aaaa:200::",
			"mip6.mnlli.lli": "020000fffe000001", "mip6.ss.identifier": "internet", "mip6.vsm.vendorId": "32473", "mip6.vsm.subtype": "5", "mip6.hlen": "14",
		})},
		{"acknowledgement", &BindingAcknowledgement{mobility.StatusAccepted, AcknowledgementProxy, 7, 15, reply}, fields(fullFields(), map[string]string{
			"mip6.mhtype": "6", "mip6.ba.status": "0", "mip6.ba.k_flag": "0", "mip6.ba.p_flag": "1", "mip6.ba.seqnr": "7", "mip6.ba.lifetime": "15",
			"mip6.mnid.subtype": "5", "mip6.mnid.identifier": "jklmno", "mip6.hlen": "12",
		})},
		{"rejection", rejectionMessage(), map[string]string{
			"mip6.mhtype": "6", "mip6.ba.status": "156", "mip6.ba.k_flag": "0", "mip6.ba.p_flag": "1", "mip6.ba.seqnr": "258", "mip6.ba.lifetime": "0",
			"mip6.mnid.subtype": "1", // tshark shows no identifier of one octet
			"mip6.nemo.mnp.pfl": "0", "mip6.nemo.mnp.mnp": "::",
			"mip6.hi": "1", "mip6.att": "4", "mip6.hlen": "5",
		}},
		{"error", &BindingError{Status: UnknownMHType, HomeAddress: magAddress}, map[string]string{
			"mip6.mhtype": "7", "mip6.be.status": "2", "mip6.be.haddr": "2001:db8:1::2", "mip6.hlen": "2",
		}},
		{"heartbeat request", &Heartbeat{Sequence: 0xfffffffe}, map[string]string{
			"mip6.mhtype": "13", "mip6.hlen": "1", "mip6.hb.u_flag": "0", "mip6.hb.r_flag": "0", "mip6.hb.seqnr": "4294967294",
		}},
		{"unsolicited heartbeat response", heartbeatResponseMessage(), map[string]string{
			"mip6.mhtype": "13", "mip6.hlen": "2", "mip6.hb.u_flag": "1", "mip6.hb.r_flag": "1", "mip6.hb.seqnr": "3735928559", "mip6.rc": "7",
		}},
		{"revocation", revocationMessage(), map[string]string{
			"mip6.mhtype": "16", "mip6.hlen": "6", "mip6.bri_br.type": "1", "mip6.bri_r.trigger": "1", "mip6.bri_seqnr": "258",
			"mip6.bri_ip": "1", "mip6.bri_iv": "1", "mip6.bri_ig": "0",
			"mip6.mnid.subtype": "1", "mip6.nemo.mnp.pfl": "64", "mip6.nemo.mnp.mnp": "2001:db8:aaaa:1::",
			"mip6.ipv4ha.preflen": "24", "mip6.ipv4ha.ha": "192.0.2.7", "mip6.ss.identifier": "x",
		}},
		{"answer to a revocation", &BindingRevocationAcknowledgement{RevocationBindingDoesNotExist, 258, RevocationProxy | RevocationGlobal, Options{}}, map[string]string{
			"mip6.mhtype": "16", "mip6.hlen": "1", "mip6.bri_br.type": "2", "mip6.bri_status": "128", "mip6.bri_seqnr": "258",
			"mip6.bri_ap": "1", "mip6.bri_av": "0", "mip6.bri_ag": "1",
		}},
		{"IPv4", &BindingAcknowledgement{mobility.StatusAccepted, AcknowledgementProxy, 7, 15, ipv4Options()}, map[string]string{
			"mip6.mhtype": "6", "mip6.ba.status": "0", "mip6.ba.k_flag": "0", "mip6.ba.p_flag": "1", "mip6.ba.seqnr": "7", "mip6.ba.lifetime": "15",
			"mip6.hlen": "7", "mip6.ipv4ha.preflen": "24,25", "mip6.ipv4ha.ha": "192.0.2.7,192.0.2.8", "mip6.ipv4aa.sts": "130",
			"mip6.ipv4dra.dra": "192.0.2.1", "mip6.ipv4dsm.s_flag": "1", "mip6.ss.identifier": "internet", "mip6.bra.interval": "75", "mip6.rc": "9",
		}},
		{"handover initiate", handoverInitiateMessage(), map[string]string{
			"mip6.mhtype": "14", "mip6.hlen": "14", "mip6.hi.seqnr": "258", "mip6.hi.s_flag": "0", "mip6.hi.u_flag": "0", "mip6.hi.code": "3",
			"mip6.mnid.subtype": "1", "mip6.nemo.mnp.pfl": "64", "mip6.nemo.mnp.mnp": "2001:db8:aaaa:1::", "mip6.mnlli.lli": "020000000001",
			"mip6.lila_lla": "fe80::200:5eff:fe00:5213", "mip6.ipv4ha.preflen": "24", "mip6.ipv4ha.ha": "192.0.2.7",
			"mip6.lmaa.opt_code": "1", "mip6.lmaa.ipv6": "2001:db8:f::1", "mip6.vsm.vendorId": "32473", "mip6.vsm.subtype": "5",
		}},
		{"handover initiate of RFC 5568", &HandoverInitiate{Sequence: 1, Flags: InitiateBuffer, Options: addressPrefix(AddressOldCareOf, "2001:db8::1/128")}, map[string]string{
			"mip6.mhtype": "14", "mip6.hlen": "3", "mip6.hi.seqnr": "1", "mip6.hi.s_flag": "0", "mip6.hi.u_flag": "1", "mip6.hi.code": "0",
			"mip6.mhipv6ap.opt_code": "1", "mip6.mhipv6ap.len": "128", "mip6.mhipv6ap.ipv6_address": "2001:db8::1",
		}},
		{"request for context", &HandoverInitiate{Sequence: 2, Flags: InitiateProxy | InitiateBuffer, Options: requested(RequestedContext{OptionHomeNetworkPrefix, ""})}, map[string]string{
			"mip6.mhtype": "14", "mip6.hlen": "1", "mip6.hi.seqnr": "2", "mip6.hi.s_flag": "0", "mip6.hi.u_flag": "1", "mip6.hi.code": "0",
			"mip6.cr.req_type": "22", "mip6.cr.req_length": "0",
		}},
		{"handover acknowledge", &HandoverAcknowledge{258, HandoverProxy, HandoverContextAccepted, lmaAddressOptions("192.0.2.1")}, map[string]string{
			"mip6.mhtype": "15", "mip6.hlen": "2", "mip6.hack.seqnr": "258", "mip6.hack.code": "5",
			"mip6.lmaa.opt_code": "2", "mip6.lmaa.ipv4": "192.0.2.1",
		}},
		// tshark need not know the option; it finds its end, or else it would not find the vendor's.
		{"IPv4 traffic offload", &BindingAcknowledgement{mobility.StatusAccepted, AcknowledgementProxy, 7, 15, trafficOffload}, map[string]string{
			"mip6.mhtype": "6", "mip6.ba.status": "0", "mip6.ba.k_flag": "0", "mip6.ba.p_flag": "1", "mip6.ba.seqnr": "7", "mip6.ba.lifetime": "15",
			"mip6.hlen": "14", "mip6.rc": "9", "mip6.vsm.vendorId": "32473", "mip6.vsm.subtype": "5",
		}},
		{"refresh request as raw", &Raw{Type: 0, Data: []byte{0, 0}}, map[string]string{"mip6.mhtype": "0", "mip6.hlen": "0"}},
	}

	var messages [][]byte
	for _, test := range tests {
		messages = append(messages, encoded(t, test.m))
	}
	packets := capturetest.Tshark(t, writeCapture(t, messages), tsharkFields)
	if len(packets) != len(tests) {
		t.Fatalf("tshark read %d packets, want %d", len(packets), len(tests))
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if d := cmp.Diff(test.fields, dissected(packets[i])); d != "" {
				t.Errorf("%x (-want +tshark):\n%s", messages[i], d)
			}
		})
	}
}

// dissected is what tshark says of a packet, but for that there are options that it does not know: the next version may.
func dissected(packet map[string]string) map[string]string {
	said := slices.DeleteFunc(strings.Split(packet["_ws.expert.message"], ","), func(s string) bool { return s == "IE data not dissected yet" })
	if packet = maps.Clone(packet); len(said) == 0 {
		delete(packet, "_ws.expert.message")
	}
	return packet
}

func updateFields(sequence, acknowledge, lifetime string) map[string]string {
	return map[string]string{
		"mip6.mhtype": "5", "mip6.bu.seqnr": sequence, "mip6.bu.lifetime": lifetime,
		"mip6.bu.a_flag": acknowledge, "mip6.bu.h_flag": "0", "mip6.bu.p_flag": "1",
	}
}

func fullFields() map[string]string {
	return map[string]string{
		"mip6.nemo.mnp.pfl": "64", "mip6.nemo.mnp.mnp": "2001:db8:aaaa:1::",
		"mip6.hi": "4", "mip6.att": "4", "mip6.mnlli.lli": "020000000001",
		"mip6.lila_lla": "fe80::200:5eff:fe00:5213", "mip6.timestamp_tmp": "Sep 23, 2023 18:12:16.500000000 UTC",
	}
}

func fields(parts ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, part := range parts {
		for name, value := range part {
			all[name] = value
		}
	}
	return all
}

// tsharkFields are the fields to compare. The last two are empty for a packet without fault.
var tsharkFields = []string{
	"mip6.mhtype", "mip6.hlen", "mip6.bu.seqnr", "mip6.bu.a_flag", "mip6.bu.h_flag", "mip6.bu.p_flag", "mip6.bu.lifetime",
	"mip6.ba.status", "mip6.ba.k_flag", "mip6.ba.p_flag", "mip6.ba.seqnr", "mip6.ba.lifetime", "mip6.be.status", "mip6.be.haddr",
	"mip6.mnid.subtype", "mip6.mnid.identifier", "mip6.nemo.mnp.pfl", "mip6.nemo.mnp.mnp", "mip6.hi", "mip6.att", "mip6.mnlli.lli",
	"mip6.lila_lla", "mip6.timestamp_tmp", "mip6.acoa.acoa", "mip6.ss.identifier",
	"mip6.hb.u_flag", "mip6.hb.r_flag", "mip6.hb.seqnr", "mip6.rc", "mip6.vsm.vendorId", "mip6.vsm.subtype",
	"mip6.bri_br.type", "mip6.bri_r.trigger", "mip6.bri_status", "mip6.bri_seqnr", "mip6.bri_ip", "mip6.bri_iv", "mip6.bri_ig",
	"mip6.bri_ap", "mip6.bri_av", "mip6.bri_ag", "mip6.ipv4ha.preflen", "mip6.ipv4ha.ha", "mip6.ipv4aa.sts",
	"mip6.hi.seqnr", "mip6.hi.s_flag", "mip6.hi.u_flag", "mip6.hi.code", "mip6.hack.seqnr", "mip6.hack.code", "mip6.lla", "mip6.lla.optcode",
	"mip6.mhipv6ap.opt_code", "mip6.mhipv6ap.len", "mip6.mhipv6ap.ipv6_address", "mip6.cr.req_type", "mip6.cr.req_length", "mip6.lmaa.opt_code",
	"mip6.lmaa.ipv4", "mip6.lmaa.ipv6", "mip6.ipv4dra.dra", "mip6.ipv4dsm.s_flag", "mip6.bra.interval",
	"_ws.malformed", "_ws.expert.message",
}

// writeCapture puts each message into an IPv6 packet with its checksum.
func writeCapture(t *testing.T, messages [][]byte) string {
	t.Helper()
	var packets [][]gopacket.SerializableLayer
	for _, message := range messages {
		fillChecksum(message)
		ip := &layers.IPv6{Version: 6, NextHeader: 135, HopLimit: 64, SrcIP: magAddress.AsSlice(), DstIP: lmaAddress.AsSlice()}
		packets = append(packets, []gopacket.SerializableLayer{ip, gopacket.Payload(message)})
	}
	return capturetest.Write(t, gopacket.SerializeOptions{FixLengths: true}, packets...)
}

// fillChecksum does what the kernel does: RFC 6275 section 6.1.1 over the pseudo-header and the message.
func fillChecksum(message []byte) {
	octets := append(magAddress.AsSlice(), lmaAddress.AsSlice()...)
	octets = binary.BigEndian.AppendUint32(octets, uint32(len(message)))
	octets = append(append(octets, 0, 0, 0, 135), message...)
	var sum uint32
	for i := 0; i < len(octets); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(octets[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(message[4:], ^uint16(sum))
}
