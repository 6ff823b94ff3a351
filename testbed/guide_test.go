package testbed

import (
	"strings"
	"testing"
)

func TestGuide(t *testing.T) {
	var out strings.Builder
	d := &Domain{ID: "x", Dir: "/run/x", Options: Options{BinDir: "/bin"}}
	d.Guide(&out)
	for _, want := range []string{
		"/bin/netlmmctl --socket /run/x/lma/admin.sock revoke --mobile-node " + MobileNodeIDs[0],
		"wpa_cli -p /run/x/mn1/supplicant -i " + stationInterface + " disconnect",
		"ip -n " + d.Namespace(NodeAir) + " link set mn1 master cell2",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in%s", want, &out)
		}
	}
	out.Reset()
	d.Options.WiFi = true
	d.Guide(&out)
	for _, want := range []string{
		"wpa_cli -p /run/x/mn1/supplicant -i " + stationInterface + " roam " + bssWith(NodeMAG2, SecurityPSK).Address.String(),
		"hostapd_cli -p /run/x/mag1/hostapd -i radio0 all_sta",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("with Wi-Fi: no %q in%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "%!") {
		t.Errorf("something is missing or left over:%s", &out)
	}
}
