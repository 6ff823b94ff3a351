package wire

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"netlmm/mih"
)

var sameElements = cmp.Options{sameAddresses, cmpopts.EquateComparable(netip.Prefix{})}

// elementVectors are written by hand after Annexes F and G; spaces are only for the reader.
var elementVectors = []struct {
	octets string // type, length, value
	want   mih.Element
}{
	{"10000000 04 01 13 00 00", mih.Element{Type: mih.ElementNetworkType, Value: mih.NetworkType{Link: new(mih.LinkType80211)}}},
	// with SUBTYPE: 5 GHz, bit 1 of 64
	{"10000000 0c 01 13 01 0000000000000002 00", mih.Element{Type: mih.ElementNetworkType, Value: mih.NetworkType{Link: new(mih.LinkType80211), Subtypes: new(uint64(2))}}},
	// OP_NAME is an OCTET_STRING with a length of its own; OP_NAMESPACE 2 is a realm
	{"10000001 0d 0b 6578616d706c652e6e6574 02", mih.Element{Type: mih.ElementOperatorID, Value: mih.OperatorID{Name: "example.net", Namespace: mih.OperatorRealm}}},
	{"10000002 03 02 7370", mih.Element{Type: mih.ElementServiceProviderID, Value: "sp"}},
	{"10000003 02 4e4f", mih.Element{Type: mih.ElementCountryCode, Value: mih.CountryCode{'N', 'O'}}},
	{"10000100 05 04 6e657431", mih.Element{Type: mih.ElementNetworkID, Value: "net1"}},
	{"10000101 07 06 020000000001", mih.Element{Type: mih.ElementNetworkAuxID, Value: "\x02\x00\x00\x00\x00\x01"}},
	{"10000102 07 02 01 61 00 01 62 04", mih.Element{Type: mih.ElementRoamingPartners, Value: []mih.OperatorID{{Name: "a"}, {Name: "b", Namespace: mih.OperatorGeneral}}}},
	// 0.5 EUR an hour
	{"10000103 0a 02 00000000 01f4 455552", mih.Element{Type: mih.ElementCost, Value: mih.Cost{Unit: mih.CostPerHour, Thousandths: 500, Currency: [3]byte{'E', 'U', 'R'}}}},
	{"10000106 04 000186a0", mih.Element{Type: mih.ElementNetworkDataRate, Value: uint32(100000)}},
	{"10000107 03 4e4f 73", mih.Element{Type: mih.ElementRegulatoryDomain, Value: mih.RegulatoryDomain{Country: mih.CountryCode{'N', 'O'}, Class: 115}}},
	{"10000108 09 02 0024a588 004f1a80", mih.Element{Type: mih.ElementFrequencyBands, Value: []uint32{2401672, 5184128}}},
	// SLAAC (bit 11), no DHCP server, no foreign agent, access router 2001:db8::1
	{"10000109 1a 00000800 00 00 01 0002 10 20010db8000000000000000000000001", mih.Element{Type: mih.ElementIPConfiguration,
		Value: mih.IPConfiguration{Methods: mih.IPv6StatelessAutoconfiguration, AccessRouter: netip.MustParseAddr("2001:db8::1")}}},
	{"1000010a 04 00000281", mih.Element{Type: mih.ElementNetworkCapabilities, Value: mih.NetworkSecurity | mih.NetworkInternet | mih.NetworkMIH}},
	{"1000010b 01 1f", mih.Element{Type: mih.ElementSupportedLCP, Value: mih.LocationByDHCP}},
	{"1000010c 02 0004", mih.Element{Type: mih.ElementMobilityManagement, Value: mih.MobilityMIPv6}},
	{"1000010d 05 00 c0000201", mih.Element{Type: mih.ElementEmergencyServiceProxy, Value: mih.ProxyAddress{Address: netip.MustParseAddr("192.0.2.1")}}},
	{"1000010e 0a 02 08 637363662e6e6574", mih.Element{Type: mih.ElementIMSProxyCSCF, Value: mih.ProxyAddress{Name: "cscf.net"}}},
	{"1000010f 01 01", mih.Element{Type: mih.ElementMobileNetwork, Value: true}},
	{"10000200 0a 00 0006 06 020000000011", mih.Element{Type: mih.ElementPoALinkAddress, Value: mac(2, 0, 0, 0, 0, 0x11)}},
	{"10000201 05 02 00000007", mih.Element{Type: mih.ElementPoALocation, Value: mih.Location{Kind: mih.LocationCell, Octets: "\x00\x00\x00\x07"}}},
	{"10000202 08 0024a6d0 0024f4f0", mih.Element{Type: mih.ElementPoAChannelRange, Value: mih.ChannelRange{Low: 2402000, High: 2422000}}},
	// SIB is the second choice of PARAMETERS
	{"10000203 14 01 17 00 00 01 00f110 00000005 01 01 00000009 0102", mih.Element{Type: mih.ElementPoASystemInformation, Value: mih.SystemInformation{
		Network: mih.NetworkType{Link: new(mih.LinkTypeUMTS)}, Address: mih.Cell3G([3]byte{0, 0xf1, 0x10}, 5), UMTS: &mih.UMTSSystemBlock{Cell: 9, Code: 0x102}}}},
	{"10000204 14 40 0002 10 20010db8000100000000000000000000", mih.Element{Type: mih.ElementPoASubnet, Value: netip.MustParsePrefix("2001:db8:1::/64")}},
	{"10000205 07 0001 04 c0000201", mih.Element{Type: mih.ElementPoAIPAddress, Value: netip.MustParseAddr("192.0.2.1")}},
	{"80210001 0a 04 6d616731 04 6e616d65", mih.Element{Type: mih.ElementGateway, Value: mih.Gateway{MIHF: "mag1", Name: "name"}}},
	// a list with a network with a point of attachment; a container has no count
	{"10000300 22  10000301 1d  10000100 05 04 6e657431  10000302 0e  10000200 09 03 07 01020304050607", mih.Element{
		Type: mih.ElementNetworkList, Value: []mih.Element{{Type: mih.ElementNetwork, Value: []mih.Element{
			{Type: mih.ElementNetworkID, Value: "net1"},
			{Type: mih.ElementPointOfAttachment, Value: []mih.Element{{Type: mih.ElementPoALinkAddress, Value: mustAddress(mih.LinkAddress3GPP, 1, 2, 3, 4, 5, 6, 7)}}},
		}}}}},
	// nobody's
	{"20000001 03 010203", mih.Element{Type: 0x20000001, Value: mih.RawElement("\x01\x02\x03")}},
}

func mustAddress(kind mih.LinkAddressKind, octets ...byte) mih.LinkAddress {
	a, ok := mih.LinkAddressOf(kind, octets)
	if !ok {
		panic("no link address")
	}
	return a
}

// elementIn is the element that the text has in hex.
func elementIn(t testing.TB, text string) mih.InformationElement {
	t.Helper()
	octets, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	c := coder{buf: octets, end: len(octets)}
	var e mih.InformationElement
	if informationElement(&c, &e); c.err != nil || c.at != c.end {
		t.Fatalf("%s: %v, %d octets left", text, c.err, c.end-c.at)
	}
	return e
}

func TestElementVectors(t *testing.T) {
	for _, v := range elementVectors {
		t.Run(v.want.Type.String(), func(t *testing.T) {
			e := elementIn(t, v.octets)
			got, err := ReadElements(mih.BinaryAnswer{e})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]mih.Element{v.want}, got, sameElements); d != "" {
				t.Fatal(d)
			}
			if again, err := EncodeElement(v.want); err != nil || again != e {
				t.Fatalf("written %x, %v", again.Value, err)
			}
		})
	}
}

// TestElementForms: every element of the standard has a form, the vectors have each but those that are like another.
func TestElementForms(t *testing.T) {
	like := []mih.ElementType{mih.ElementAuthenticatorLinkAddress, mih.ElementAuthenticatorIPAddress, mih.ElementPoSIPAddress, mih.ElementNeighbours,
		mih.ElementNetworkQoS}
	for e := range elementForms {
		has := slices.ContainsFunc(elementVectors, func(v struct {
			octets string
			want   mih.Element
		}) bool {
			return v.want.Type == e
		})
		if !has && !slices.Contains(like, e) {
			t.Errorf("no vector of %v", e)
		}
		if strings.HasPrefix(e.String(), "information element") {
			t.Errorf("%v has no name", e)
		}
	}
}

// TestBrokenElements: what is broken is raw, and what stands beside it is good.
func TestBrokenElements(t *testing.T) {
	for name, c := range map[string]struct{ octets, field string }{
		"too short":               {"10000003 01 4e", "IE_COUNTRY_CODE"},
		"too long":                {"10000003 03 4e4f00", "IE_COUNTRY_CODE"},
		"string past the end":     {"10000100 02 04 6e", "IE_NETWORK_ID"},
		"empty":                   {"10000000 00", "IE_NETWORK_TYPE"},
		"choice beyond the last":  {"1000010d 05 03 c0000201", "IE_NET_EMSERV_PROXY"},
		"prefix of 129 bits":      {"10000204 14 81 0002 10 20010db8000100000000000000000000", "IE_POA_SUBNET_INFO"},
		"IP address of a MAC":     {"10000205 09 0006 06 020000000001", "IE_POA_IP_ADDR"},
		"truncated in container":  {"10000301 06 10000100 05 04", "IE_CONTAINER_NETWORK"},
		"half a type":             {"10000301 02 1000", "IE_CONTAINER_NETWORK"},
		"BOOLEAN 2":               {"1000010f 01 02", "IE_NET_MOBILE_NETWORK"},
		"many partners, few sent": {"10000102 03 82ffff", "IE_ROAMING_PARTNERS"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := elementIn(t, c.octets)
			good := elementIn(t, "10000100 05 04 6e657431")
			got, err := ReadElements(mih.BinaryAnswer{broken, good})
			if err == nil || !strings.Contains(err.Error(), c.field) {
				t.Errorf("error %v, want one about %s", err, c.field)
			}
			if got[0].Value != mih.RawElement(broken.Value) || got[1].Value != "net1" {
				t.Errorf("read %v", got)
			}
			if o := DescribeElements(mih.BinaryAnswer{broken})[0]; !strings.Contains(o.String(), "error ") {
				t.Errorf("described %s", o)
			}
		})
	}
}

// TestContainersGoDown: a container inside one of its own level or a deeper one stays raw, so that depth is bounded.
func TestContainersGoDown(t *testing.T) {
	inner := mih.InformationElement{Type: mih.ElementNetwork}
	for range 1000 {
		c := coder{encoding: true}
		informationElement(&c, &inner)
		inner = mih.InformationElement{Type: mih.ElementNetwork, Value: string(c.buf)}
	}
	got, err := ReadElements(mih.BinaryAnswer{inner})
	if err == nil {
		t.Error("no error")
	}
	children := got[0].Value.([]mih.Element)
	if _, raw := children[0].Value.(mih.RawElement); len(children) != 1 || !raw {
		t.Errorf("read %T", children[0].Value)
	}
	if _, err := EncodeElement(mih.Element{Type: mih.ElementNetwork, Value: []mih.Element{{Type: mih.ElementNetworkList, Value: []mih.Element{}}}}); err == nil {
		t.Error("a list inside a network was written")
	}
}

func TestElementsOfAnotherGoType(t *testing.T) {
	for _, e := range []mih.Element{{Type: mih.ElementNetworkID, Value: 7}, {Type: mih.ElementNetwork, Value: "x"}, {Type: 0x20000000, Value: "x"},
		{Type: mih.ElementPoALinkAddress, Value: mih.LinkAddress{}}} {
		if _, err := EncodeElement(e); err == nil {
			t.Errorf("%v was written", e)
		}
	}
}

func TestDescribeElements(t *testing.T) {
	list := elementIn(t, "10000300 22  10000301 1d  10000100 05 04 6e657431  10000302 0e  10000200 09 03 07 01020304050607")
	rate := elementIn(t, "10000106 04 000186a0")
	operator := elementIn(t, "10000001 0d 0b 6578616d706c652e6e6574 02")
	vendor := elementIn(t, "20000001 03 010203")
	m := Message{Header: Header{ACKResponse: true, TransactionID: 1}, Source: "s", Destination: "d",
		Body: GetInformationResponse{Information: Information{BinaryAnswers: []mih.BinaryAnswer{{list, rate, operator, vendor}}}}}
	octets, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := Describe(octets).String()
	for _, want := range []string{
		"name IE_CONTAINER_NETWORK, elements [{type 0x10000100, name IE_NETWORK_ID, value net1}",
		"name IE_POA_LINK_ADDR, value 3gpp:01020304050607", "name IE_NETWORK_DATA_RATE, value 100000",
		"name IE_OPERATOR_ID, value {name example.net, namespace 2 (realm)}", `name "information element 0x20000001", data 0x010203`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	var decoded any
	if b, err := json.Marshal(DescribeElements(mih.BinaryAnswer{list, rate})); err != nil || json.Unmarshal(b, &decoded) != nil {
		t.Errorf("JSON %s, %v", b, err)
	}
}

// TestElementsRoundTrip: what was drawn is read as it was written, at every level.
func TestElementsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := elements(0).Draw(t, "element")
		written, err := EncodeElement(e)
		if err != nil {
			t.Fatalf("%v: %v", e, err)
		}
		got, err := ReadElements(mih.BinaryAnswer{written})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(e, got[0], cmpopts.EquateEmpty(), sameElements); d != "" {
			t.Fatalf("(-want +got):\n%s", d)
		}
		if o := DescribeElements(mih.BinaryAnswer{written})[0]; strings.Contains(o.String(), " error ") {
			t.Fatalf("described %s", o)
		}
	})
}

// elements draws one element that can stand inside a container of the given level.
func elements(inside int) *rapid.Generator[mih.Element] {
	return rapid.Custom(func(t *rapid.T) mih.Element {
		if inside < 3 && rapid.Bool().Draw(t, "container") {
			level := rapid.IntRange(inside+1, 3).Draw(t, "level")
			return mih.Element{Type: mih.ElementNetworkList + mih.ElementType(level-1), Value: rapid.SliceOfN(elements(level), 0, 3).Draw(t, "children")}
		}
		kinds := make([]mih.ElementType, 0, len(elementForms))
		for kind := range elementForms {
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		kind := rapid.SampledFrom(kinds).Draw(t, "type")
		v := reflect.New(reflect.TypeOf(elementForms[kind].read(&coder{}))).Elem()
		fillElement(t, v)
		return mih.Element{Type: kind, Value: v.Interface()}
	})
}

func fillElement(t *rapid.T, v reflect.Value) {
	prefix := rapid.Custom(func(t *rapid.T) netip.Prefix {
		a := rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"}).Draw(t, "address")
		return netip.PrefixFrom(netip.MustParseAddr(a), rapid.IntRange(0, 32).Draw(t, "bits"))
	})
	switch x := v.Addr().Interface().(type) {
	case *netip.Prefix:
		*x = prefix.Draw(t, "prefix")
	case *netip.Addr:
		*x = prefix.Draw(t, "address").Addr()
	case *[]mih.LinkAddress:
		*x = rapid.SliceOfN(linkAddresses(), 0, 3).Draw(t, "addresses")
	case *mih.LinkAddress:
		*x = linkAddresses().Draw(t, "address")
	case *mih.SystemInformation:
		fill(t, v, "")
		x.Address = linkAddresses().Draw(t, "address")
		if x.WiMAX != nil {
			x.UMTS = nil
		}
		if x.WiMAX != nil || x.UMTS != nil {
			x.CDMA2000 = nil
		}
	case *mih.ProxyAddress:
		if fill(t, v, ""); x.Address.IsValid() {
			x.Name = ""
		}
	default:
		fill(t, v, "")
	}
}

// FuzzReadElements: no input panics; what was read is written, and reads the same; it can be described.
func FuzzReadElements(f *testing.F) {
	for _, v := range elementVectors {
		e := elementIn(f, v.octets)
		f.Add(uint32(e.Type), e.Value)
	}
	f.Fuzz(func(t *testing.T, kind uint32, value string) {
		e := mih.InformationElement{Type: mih.ElementType(kind), Value: value}
		got, _ := ReadElements(mih.BinaryAnswer{e})
		written, err := EncodeElement(got[0])
		if err != nil {
			t.Fatalf("%v: %v", got[0], err)
		}
		again, _ := ReadElements(mih.BinaryAnswer{written})
		if d := cmp.Diff(got, again, sameElements); d != "" {
			t.Fatal(d)
		}
		if _, err := json.Marshal(DescribeElements(mih.BinaryAnswer{e})); err != nil {
			t.Fatal(err)
		}
	})
}
