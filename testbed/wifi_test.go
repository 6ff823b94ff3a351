package testbed

import (
	"strings"
	"testing"
)

// hostapd counts BSSIDs on from the address of the radio, whose last bits must be free for that; none may be that of the access links.
func TestNetworksOfAccessPoints(t *testing.T) {
	seen := map[string]bool{accessPointMAC: true}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		for i, network := range bssOf(mag) {
			if seen[network.Address.String()] {
				t.Errorf("%s: %s stands twice", mag, network.Address)
			}
			seen[network.Address.String()] = true
			if int(network.Address[5]&3) != i {
				t.Errorf("%s: network %d has %s", mag, i, network.Address)
			}
			if bssWith(mag, network.Security).Interface != network.Interface {
				t.Errorf("%s: %s is not found", mag, network.Security)
			}
		}
	}
}

func TestEachWayOfRoamingIsTakenInEachDirection(t *testing.T) {
	mn, seen, at := &MobileNode{}, map[string]bool{}, NodeMAG1
	for range 4 {
		seen[at+mn.nextRoam()] = true
		at = other(at)
	}
	if len(seen) != 4 {
		t.Errorf("only %v", seen)
	}
}

func TestRoamsAreWhatTheirSecurityPromises(t *testing.T) {
	roam := func(security, way string) HandoverReport {
		return HandoverReport{Security: security, By: RoamCommand, Authentication: way}
	}
	for _, test := range []struct {
		handovers []HandoverReport
		want      string
	}{
		{[]HandoverReport{roam(SecurityFT, authenticationFT), roam(SecurityPSK, authenticationPSK), roam(SecurityEAP, authenticationCached)}, ""},
		{[]HandoverReport{roam(SecurityFT, authenticationFT), roam(SecurityFT, authenticationPSK)}, ""},
		{[]HandoverReport{roam(SecurityFT, authenticationPSK)}, "no roam was a fast transition"},
		{[]HandoverReport{roam(SecurityEAP, authenticationFT)}, "roam 1, security eap: without a 4-way handshake"},
		{[]HandoverReport{{MobileNode: "wired"}}, ""},
	} {
		r := &Report{Handovers: test.handovers}
		r.countRoams()
		if got := strings.Join(r.Reasons, "; "); got != test.want {
			t.Errorf("%+v: %q, want %q", test.handovers, got, test.want)
		}
	}
	r := &Report{Handovers: []HandoverReport{roam(SecurityFT, authenticationFT), roam(SecurityFT, authenticationFT), roam(SecurityPSK, authenticationPSK)}}
	r.countRoams()
	if r.Roams[SecurityFT][RoamCommand] != 2 || r.Roams[SecurityPSK][RoamCommand] != 1 {
		t.Errorf("counted %v", r.Roams)
	}
	var out strings.Builder
	r.explainRoams(&out)
	if !strings.Contains(out.String(), "ft   2 roams, 2 by `wpa_cli roam`, 0 by BSS transition (802.11v); let in by fast transition (2)") {
		t.Errorf("printed:%s", &out)
	}
}
