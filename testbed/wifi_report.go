package testbed

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// What a report says of its times: those of a virtual machine without hardware support are a hundred times too long.
const (
	timingsMeasured = "measured"
	timingsEmulated = "of an emulated machine and mean nothing"
)

// Access links of a Report.
const (
	accessWired = "wired 802.1X"
	accessWiFi  = "Wi-Fi, radios simulated by mac80211_hwsim"
)

// Roams are how often mobile nodes roamed, by the security of their network and by what made them.
type Roams map[string]map[string]int

// timings tells an emulated processor by its name.
func timings() string {
	processors, err := os.ReadFile("/proc/cpuinfo")
	if err == nil && strings.Contains(string(processors), "QEMU TCG") {
		return timingsEmulated
	}
	return timingsMeasured
}

// warnOfTimings tells people what times are worth.
func warnOfTimings(out io.Writer, timings string) {
	if timings == timingsEmulated {
		fmt.Fprintf(out, "Times are %s.\n\n", timings)
	}
}

func (d *Domain) access() string {
	if d.Options.WiFi {
		return accessWiFi
	}
	return accessWired
}

// countRoams counts the roams and looks whether they were what the security promises. Not every one with fast transition need be fast: a
// station whose keys an access point refuses authenticates anew.
func (r *Report) countRoams() {
	fast := 0
	for i, h := range r.Handovers {
		if h.Security == "" {
			continue
		}
		if r.Roams == nil {
			r.Roams = Roams{}
		}
		if r.Roams[h.Security] == nil {
			r.Roams[h.Security] = map[string]int{}
		}
		r.Roams[h.Security][h.By]++
		switch {
		case h.Authentication == authenticationFT && h.Security == SecurityFT:
			fast++
		case h.Authentication == authenticationFT:
			r.Reasons = append(r.Reasons, fmt.Sprintf("roam %d, security %s: without a 4-way handshake", i+1, h.Security))
		}
	}
	if r.Roams[SecurityFT] != nil && fast == 0 {
		r.Reasons = append(r.Reasons, "no roam was a fast transition")
	}
}

// explainRoams prints who roamed how, and what it took to be let in.
func (r *Report) explainRoams(out io.Writer) {
	if len(r.Roams) == 0 {
		return
	}
	fmt.Fprintln(out, "\nThe access links are Wi-Fi (radios simulated by the kernel, mac80211_hwsim): each MAG is an access point with three networks.")
	for _, security := range securities {
		ways := map[string]int{}
		for _, h := range r.Handovers {
			if h.Security == security {
				ways[h.Authentication]++
			}
		}
		by := r.Roams[security]
		fmt.Fprintf(out, "  %-4s %d roams, %d by `wpa_cli roam`, %d by BSS transition (802.11v); let in by", security, by[RoamCommand]+by[RoamTransition], by[RoamCommand], by[RoamTransition])
		for _, way := range []string{authenticationPSK, authentication8021X, authenticationCached, authenticationFT} {
			if ways[way] > 0 {
				fmt.Fprintf(out, " %s (%d)", way, ways[way])
			}
		}
		fmt.Fprintln(out)
	}
}
