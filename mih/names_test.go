package mih

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	for want, got := range map[string]string{
		"success": StatusSuccess.String(), "status_9": Status(9).String(), "IEEE 802.11": LinkType80211.String(), "link type 99": LinkType(99).String(),
		"Link_Handover_Complete": EventLinkHandoverComplete.String(), "event 31": EventType(31).String(), "billing_failure": DownBillingFailure.String(),
		"802.11_rssi": Parameter80211RSSI.String(), "parameter_0x0903": LinkParameterType(0x903).String(), "below": ThresholdBelow.String(),
		"kind_0": LocationKind(0).String(), "civic": LocationCivicBinary.String(), "incapable": ActionIncapable.String(), "rejected": HandoverRejected.String(),
		"3gpp2": LinkAddress3GPP2.String(), "link address kind 7": LinkAddressKind(7).String(),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestBitNames: each bit that has a name has it once, whatever has none is said in hex.
func TestBitNames(t *testing.T) {
	for want, got := range map[string][]string{
		"":               EventList(0).Names(),
		"Link_Up 0x100":  (Events(EventLinkUp) | 0x100).Names(),
		"poa_ip_address": Queries(QueryPoAIPAddress).Names(),
		"ipv4_static ipv6_stateless ipv6_manual 0x80000010": (IPv4Static | IPv6StatelessAutoconfiguration | IPv6Manual | 0x80000010).Names(),
		"event_service information_service 0x1":             (CapabilityEventService | CapabilityInformationService | 1).Names(),
		"security mih":                                      (NetworkSecurity | NetworkMIH).Names(),
		"802.11 802.22":                                     (Networks80211 | Networks80222).Names(),
		"0x8000000000000000":                                QueryTypeList(1 << 63).Names(),
	} {
		if got := strings.Join(got, " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSets(t *testing.T) {
	events := Events(EventLinkDetected, EventLinkGoingDown)
	if events != 0x11 || !events.Has(EventLinkGoingDown) || events.Has(EventLinkUp) || events.Has(200) {
		t.Errorf("events %x", events)
	}
	queries := Queries(QueryBinaryData, QueryRDFSchema)
	if queries != 9 || !queries.Has(QueryRDFSchema) || queries.Has(QueryRDFData) || queries.Has(200) {
		t.Errorf("queries %x", queries)
	}
}
