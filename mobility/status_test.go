package mobility

import (
	"regexp"
	"testing"
)

// A status is a metric label too: its name is in lower snake case, and no other status has it.
func TestStatusNames(t *testing.T) {
	label := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	seen := map[string]Status{}
	for n := range 256 {
		s := Status(n)
		if other, twice := seen[s.String()]; twice || !label.MatchString(s.String()) {
			t.Errorf("status %d is named %q, as is status %d", n, s, other)
		}
		seen[s.String()] = s
		if s.Accepted() != (n < 128) {
			t.Errorf("status %d: Accepted is %v", n, s.Accepted())
		}
	}
	for s, want := range map[Status]string{
		StatusAccepted:                       "accepted",
		StatusNotAuthorizedForIPv4Mobility:   "not_authorized_for_ipv4_mobility_service",
		StatusMultipleIPv4NotSupported:       "multiple_ipv4_home_address_assignment_not_supported",
		StatusMissingHomeNetworkPrefixOption: "missing_home_network_prefix_option",
		255:                                  "status_255",
	} {
		if s.String() != want {
			t.Errorf("status %d is named %q, want %q", uint8(s), s, want)
		}
	}
}
