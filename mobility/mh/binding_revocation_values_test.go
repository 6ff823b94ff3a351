package mh

import (
	"fmt"
	"testing"
)

// RFC 5846 section 5.1: 0 to 7 for a mobile node, 128 and 129 for all, 250 to 255 for tests.
func TestRevocationTrigger(t *testing.T) {
	for trigger, want := range map[RevocationTrigger]bool{0: false, 7: false, 127: false, 128: true, 129: true, 249: true, 250: false, 255: false} {
		if trigger.Global() != want {
			t.Errorf("%v: Global is %v, want %v", trigger, !want, want)
		}
	}
	wantNames(t, map[fmt.Stringer]string{
		TriggerAdministrativeReason: "administrative_reason", TriggerPerPeerPolicy: "per_peer_policy", RevocationTrigger(250): "trigger_250",
	})
}

func TestRevocationStatus(t *testing.T) {
	for status, want := range map[RevocationStatus]bool{RevocationSuccess: true, RevocationPartialSuccess: true, 127: true, RevocationBindingDoesNotExist: false, 255: false} {
		if status.Accepted() != want {
			t.Errorf("%v: Accepted is %v, want %v", status, !want, want)
		}
	}
	wantNames(t, map[fmt.Stringer]string{
		RevocationSuccess: "success", RevocationProxyBindingNotSupported: "proxy_binding_revocation_not_supported", RevocationStatus(136): "status_136",
	})
}

func wantNames(t *testing.T, names map[fmt.Stringer]string) {
	t.Helper()
	for value, want := range names {
		if got := value.String(); got != want {
			t.Errorf("%#v: name %q, want %q", value, got, want)
		}
	}
}
