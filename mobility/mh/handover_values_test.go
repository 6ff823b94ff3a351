package mh

import (
	"fmt"
	"testing"
)

func TestHandoverCodes(t *testing.T) {
	wantNames(t, map[fmt.Stringer]string{
		InitiateForwardingCompleted: "forwarding_completed", InitiateAllContextTransferred: "all_available_context_transferred", HandoverInitiateCode(4): "code_4",
		HandoverAccepted: "accepted", HandoverForwardingNotAvailable: "forwarding_not_available", HandoverAcknowledgeCode(133): "code_133",
		AddressNewCareOf: "new_care_of_address", AddressPrefixCode(5): "code_5",
	})
	for code, want := range map[HandoverAcknowledgeCode]bool{
		HandoverAccepted: true, HandoverAcceptedUsePreviousCoA: true, HandoverUnsolicited: false, HandoverContextAccepted: true,
		HandoverAllContextTransferred: true, 127: true, HandoverNotAccepted: false, HandoverForwardingNotAvailable: false, 255: false,
	} {
		if code.Accepted() != want {
			t.Errorf("%v: accepted is %v", code, !want)
		}
	}
}
