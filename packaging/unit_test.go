package packaging

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestUnitsAllowEveryAdapter: magd and mihd offer the same ones, of which nd listens with a packet socket, ethernet and nl80211 ask the
// kernel by netlink, and syslog has a low port.
func TestUnitsAllowEveryAdapter(t *testing.T) {
	for _, daemon := range []string{"magd", "mihd"} {
		unit, err := os.ReadFile("netlmm-" + daemon + ".service")
		if err != nil {
			t.Fatal(err)
		}
		for key, wanted := range map[string][]string{
			"CapabilityBoundingSet":   {"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_NET_BIND_SERVICE"},
			"RestrictAddressFamilies": {"AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"},
		} {
			var allowed []string
			for line := range strings.Lines(string(unit)) {
				if value, ok := strings.CutPrefix(line, key+"="); ok {
					allowed = append(allowed, strings.Fields(value)...)
				}
			}
			for _, w := range wanted {
				if !slices.Contains(allowed, w) {
					t.Errorf("%s's unit does not allow %s", daemon, w)
				}
			}
		}
	}
}
