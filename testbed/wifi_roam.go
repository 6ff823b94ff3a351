package testbed

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"netlmm/internal/hwsim"
)

// What makes a station roam.
const (
	RoamCommand    = "roam"           // its own decision, as `wpa_cli roam` has it
	RoamTransition = "bss_transition" // the access point asks it to (IEEE 802.11v)
	RoamSignal     = "signal"         // its gateway has the access point ask it to, for its signal fades
)

// How a station was let in.
const (
	authentication8021X  = "802.1X"
	authenticationCached = "cached 802.1X" // both ends had kept the key of an earlier one
	authenticationPSK    = "pre-shared key"
	authenticationFT     = "fast transition" // without a 4-way handshake (IEEE 802.11r)
)

const (
	roamPatience = 40 * time.Second
	// mostAttempts are tried. On a machine that is late the kernel of a station repeats the first frame of a fast transition; hostapd takes
	// that for another one and refuses what follows (status 55), and the station stays where it is.
	mostAttempts = 5
	// transitionTime is when the access point ends the association of a station that it asked to go, in beacons.
	transitionTime = 100
)

// nextRoam alternates so that each way of roaming is taken in each direction.
func (mn *MobileNode) nextRoam() string {
	mn.roams++
	if mn.roams%4 == 2 || mn.roams%4 == 3 {
		return RoamTransition
	}
	return RoamCommand
}

// waitAssociated returns when an access point let the station in later than after. Which one, the station decided.
func (mn *MobileNode) waitAssociated(after time.Time) (at time.Time, err error) {
	err = poll(roamPatience, mn.Node+" is associated", func() (joined bool, err error) {
		for mag, ap := range mn.domain.AccessPoints {
			ap.mu.Lock()
			at = ap.joined[mn.MAC.String()]
			ap.mu.Unlock()
			if at.After(after) {
				mn.at = mag
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return at, mn.notAssociated(mn.at)
	}
	return at, nil
}

// Roam has the station go to the access point of another MAG and returns when it is associated there. The one that it left is told
// nothing; one that asked it to go ends the association after a while.
func (mn *MobileNode) Roam(mag, by string) (Association, error) {
	target := bssWith(mag, mn.Security)
	if err := mn.hear(target); err != nil {
		return Association{}, err
	}
	a := Association{MAG: mag, By: by, Left: time.Now()}
	for a.Attempts < mostAttempts && mn.at != mag {
		a.Attempts++
		begun := time.Now()
		if err := mn.goTo(target, mag, by); err != nil {
			return a, fmt.Errorf("%s to %s, by %s: %w", mn.Node, mag, by, err)
		}
		var err error
		if a.Associated, err = mn.waitAssociated(begun); err != nil {
			return a, fmt.Errorf("by %s: %w", by, err)
		}
	}
	if mn.at != mag {
		return a, fmt.Errorf("by %s, %d times: %w", by, a.Attempts, mn.notAssociated(mag))
	}
	return a, nil
}

// goTo makes the station try. An access point that refused it before it would not try.
func (mn *MobileNode) goTo(target bss, mag, by string) error {
	if _, err := mn.askSupplicant("BSSID_IGNORE clear"); err != nil {
		return err
	}
	if by == RoamTransition {
		return mn.askToGo(target, channelOf(mag))
	}
	answer, err := mn.askSupplicant("ROAM " + target.Address.String())
	if err == nil && answer != "OK" {
		err = fmt.Errorf("wpa_supplicant answered %q", answer)
	}
	return err
}

// hear returns when the station knows of an access point, by a scan if it must.
func (mn *MobileNode) hear(target bss) error {
	var scanned time.Time
	return poll(roamPatience, mn.Node+" hears "+target.Address.String(), func() (bool, error) {
		known, err := mn.askSupplicant("BSS " + target.Address.String())
		if err != nil || strings.Contains(known, "bssid=") {
			return err == nil, err
		}
		if time.Since(scanned) > 2*time.Second {
			scanned = time.Now()
			_, err = mn.askSupplicant("SCAN freq=" + frequencies(",")) // one that cannot be done now is done next time
		}
		return false, err
	})
}

// askToGo sends the station a BSS transition request (IEEE 802.11 section 9.6.13.9) with one candidate: 20 MHz at 2.4 GHz.
func (mn *MobileNode) askToGo(target bss, channel int) error {
	ap := mn.domain.AccessPoints[mn.at]
	socket := mn.domain.Path(mn.at, filepath.Join("hostapd", bssWith(mn.at, mn.Security).Interface))
	return ap.commandAt(socket, func(hostapd *control) error {
		return hostapd.order(fmt.Sprintf("BSS_TM_REQ %s pref=1 disassoc_imminent=1 disassoc_timer=%d valid_int=%[2]d neighbor=%s,2,81,%d,7,0301ff",
			mn.MAC, transitionTime, target.Address, channel))
	})
}

// authentication is how a mobile node that left for this access point was let in; "" without Wi-Fi.
func (ap *AccessPoint) authentication(mn *MobileNode, left time.Time) string {
	ap.mu.Lock()
	defer ap.mu.Unlock()
	station := mn.MAC.String()
	switch {
	case mn.Security == "":
		return ""
	case !ap.keyed[station].After(left):
		return authenticationFT
	case ap.authenticated[station].After(left):
		return authentication8021X
	case mn.Security == SecurityEAP:
		return authenticationCached
	}
	return authenticationPSK
}

// Signals of a station, in dBm: below goingDownSignal its gateway takes its link for going down.
const (
	goodSignal      = -30
	goingDownSignal = -60
	fadedSignal     = -70
)

// Fade has the signal of the station fade and returns when it is associated with the access point of another MAG: its gateway sees that,
// prepares the other one and has the station asked to go. A simulated radio is heard equally well everywhere: its signal is good
// again as soon as the station has answered, for else the other gateway would send it back.
func (mn *MobileNode) Fade(mag string) (a Association, err error) {
	if err := mn.hear(bssWith(mag, mn.Security)); err != nil {
		return a, err
	}
	a = Association{MAG: mag, By: RoamSignal, Left: time.Now(), Attempts: 1}
	if err := hwsim.SetSignal(mn.phy, fadedSignal); err != nil {
		return a, err
	}
	ap, from := mn.domain.AccessPoints[mn.at], mn.at
	asked := poll(roamPatience, mn.Node+" is asked to leave "+from, func() (bool, error) {
		ap.mu.Lock()
		defer ap.mu.Unlock()
		return ap.answered[mn.MAC.String()].After(a.Left), nil
	})
	if err := errors.Join(asked, hwsim.SetSignal(mn.phy, goodSignal)); err != nil {
		return a, fmt.Errorf("%w; magd of %s says:\n%s", err, from, mn.domain.tail(from, "magd"))
	}
	if a.Associated, err = mn.waitAssociated(a.Left); err == nil && mn.at != mag {
		err = mn.notAssociated(mag)
	}
	return a, err
}
