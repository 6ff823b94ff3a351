package hostapd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

const (
	maximumTargets = 16 // hostapd has room for a thousand octets of them
	// bssInformation of a neighbour report (IEEE 802.11 section 9.4.2.36): whether the target can be reached for pre-authentication
	// is not known, and nothing else is said of it.
	bssInformation = 2
	mostPreferred  = 255
)

var errNoTarget = errors.New("no point of attachment to go to")

// Steer sends a BSS transition request (IEEE 802.11 section 6.3.60.4) with the targets as candidates, and the warning that the station
// is disassociated after the time, which hostapd then does; without a time the station may stay. It needs bss_transition=1 in
// hostapd.conf. The station's answer is counted: steer_accepted or steer_rejected.
func (a *Adapter) Steer(ctx context.Context, station mih.LinkID, targets []apadapters.Target, within time.Duration) error {
	_, err := ask(ctx, a, station, mih.LinkAddress{}, func(s *session, isStation bool) (struct{}, error) {
		if !isStation {
			return struct{}{}, apadapters.ErrNoSuchLink
		}
		return struct{}{}, s.steer(station.Address, targets, within)
	})
	return err
}

func (s *session) steer(address mih.LinkAddress, targets []apadapters.Target, within time.Duration) error {
	_, st, err := s.attached(address)
	switch {
	case err != nil:
		return err
	case s.cfg.LinkType != mih.LinkType80211 || !st.transition: // hostapd answers OK even where its driver sends no such frame
		return apadapters.ErrIncapable
	}
	b, err := s.bss()
	if err != nil {
		return err
	}
	command, err := transitionRequest(address, targets, within, b.beacons)
	if err != nil {
		return err
	}
	if _, err = s.request(command); errors.Is(err, errUnknown) {
		return fmt.Errorf("%w: hostapd was built without BSS transition management", apadapters.ErrIncapable)
	} else if err != nil {
		return fmt.Errorf("BSS_TM_REQ: %w", err)
	}
	s.adapter.counters.Count("steered")
	return nil
}

// transitionRequest is hostapd's BSS_TM_REQ. Times are in beacons.
func transitionRequest(station mih.LinkAddress, targets []apadapters.Target, within, beacons time.Duration) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "BSS_TM_REQ %s pref=1", station)
	if within > 0 {
		timer := min(max(1, within/beacons), 65535)
		fmt.Fprintf(&b, " disassoc_imminent=1 disassoc_timer=%d valid_int=%d", timer, min(timer, 255))
	} else {
		fmt.Fprintf(&b, " valid_int=255")
	}
	n := 0
	for _, t := range targets {
		if t.PointOfAttachment.Kind() != mih.LinkAddressMAC || n == maximumTargets {
			continue
		}
		class := operatingClass(t)
		// Candidate Preference subelement: the first is the best.
		fmt.Fprintf(&b, " neighbor=%s,%d,%d,%d,%d,0301%02x", t.PointOfAttachment, bssInformation, class, t.Channel, phyType(class), mostPreferred-n)
		n++
	}
	if n == 0 {
		return "", errNoTarget
	}
	return b.String(), nil
}

// operatingClass is that of a target or, where it is not known, the global one of 20 MHz that has the channel (IEEE 802.11 table
// E-4). Channels of 6 GHz have the numbers of others: their class must be told.
func operatingClass(t apadapters.Target) uint8 {
	c := t.Channel
	switch {
	case t.OperatingClass != 0 || c == 0:
		return t.OperatingClass
	case c <= 13:
		return 81
	case c == 14:
		return 82
	case c >= 36 && c <= 48:
		return 115
	case c >= 52 && c <= 64:
		return 118
	case c >= 100 && c <= 144:
		return 121
	case c >= 149 && c <= 177:
		return 125
	}
	return 0
}

// phyType guesses dot11PHYType (IEEE 802.11 Annex C) from what the operating class is in use for.
func phyType(class uint8) uint8 {
	switch {
	case class == 0:
		return 0
	case class == 82:
		return 5 // high rate DSSS
	case class >= 131 && class <= 135:
		return 14 // HE, of 6 GHz
	case class >= 128 && class <= 130:
		return 9 // VHT, 80 MHz and more
	}
	return 7 // HT
}

// steered is a station's answer to a BSS transition request.
func (s *session) steered(ev event) {
	counter := "steer_rejected"
	switch status := ev.argument("status_code"); {
	case ev.station.IsZero() || status == "":
		s.adapter.counters.Count("garbled")
		return
	case status == "0":
		counter = "steer_accepted"
	}
	s.adapter.counters.Count(counter)
	if s.adapter.log.Allow() {
		s.adapter.cfg.Log.Info("a station answered a BSS transition request", "interface", s.cfg.Interface, "station", ev.station.String(),
			"status_code", ev.argument("status_code"), "target", ev.argument("target_bssid"))
	}
}
