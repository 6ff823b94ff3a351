package mobility

import "fmt"

// HandoffIndicator is the value of the Handoff Indicator option (RFC 5213 section 8.4).
type HandoffIndicator uint8

// Handoff Indicator values, RFC 5213 section 8.4.
const (
	AttachmentOverNewInterface             HandoffIndicator = 1
	HandoffBetweenInterfaces               HandoffIndicator = 2
	HandoffBetweenMAGsSameInterface        HandoffIndicator = 3
	HandoffStateUnknown                    HandoffIndicator = 4
	HandoffStateNotChanged                 HandoffIndicator = 5 // re-registration
	AttachmentOverNewInterfaceSharedPrefix HandoffIndicator = 6 // RFC 7864
)

var handoffIndicatorNames = [...]string{"reserved", "new interface", "between interfaces", "between MAGs, same interface", "unknown", "re-registration", "new interface, shared prefix"}

// String names the value as RFC 5213 section 8.4 describes it.
func (h HandoffIndicator) String() string { return nameOf(handoffIndicatorNames[:], uint8(h)) }

// AccessTechnologyType is the value of the Access Technology Type option (RFC 5213 section 8.5).
type AccessTechnologyType uint8

// Access technology types, RFC 5213 section 8.5.
const (
	AccessVirtual  AccessTechnologyType = 1
	AccessPPP      AccessTechnologyType = 2
	AccessEthernet AccessTechnologyType = 3 // IEEE 802.3
	AccessWLAN     AccessTechnologyType = 4 // IEEE 802.11a/b/g
	AccessWiMAX    AccessTechnologyType = 5 // IEEE 802.16e
)

var accessTechnologyNames = [...]string{"reserved", "virtual", "PPP", "IEEE 802.3", "IEEE 802.11", "IEEE 802.16e", "GERAN", "UTRAN", "E-UTRAN", "eHRPD", "HRPD", "1xRTT", "UMB", "NB-IoT"}

// String names the value as the IANA registry does.
func (a AccessTechnologyType) String() string { return nameOf(accessTechnologyNames[:], uint8(a)) }

func nameOf(names []string, v uint8) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("%d", v)
}
