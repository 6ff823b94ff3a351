package hostapd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"netlmm/mih"
)

const (
	neighboursEvery = 5 * time.Second // a weak station is asked for what it hears
	tableMode       = 2               // of a beacon request: what the station knows already; it need not leave its channel (IEEE 802.11 section 9.4.2.20.7)
	beaconReport    = 26              // octets before the subelements (section 9.4.2.21.7)
	highestRCPI     = 220             // section 9.4.2.37: in half dB from -110 dBm on
)

// neighbourClasses are the global operating classes of 20 MHz that a station is asked about (IEEE 802.11 table E-4).
var neighbourClasses = []uint8{81, 115, 118, 121, 125}

// askNeighbours asks a station that gets weak which access points it hears how well (beacon request of 802.11k), so that this is known when it is
// to leave. It needs rrm_beacon_report=1 in hostapd.conf; one that cannot is not asked again while it is here.
func (s *session) askNeighbours(now time.Time, t *told, st station) {
	weak := s.cfg.GoingDownThreshold != 0 && st.signal != 0 && st.signal < s.cfg.GoingDownThreshold+2*s.cfg.Hysteresis
	if !weak || !s.cfg.LinkDetected || s.cfg.LinkType != mih.LinkType80211 || t.hearsNothing || now.Sub(t.askedNeighbours) < neighboursEvery {
		return
	}
	t.askedNeighbours = now
	for _, class := range neighbourClasses {
		_, err := s.request(fmt.Sprintf("REQ_BEACON %s %02x0000000000%02xffffffffffff", st.address, class, tableMode))
		if errors.Is(err, errFail) || errors.Is(err, errUnknown) {
			t.hearsNothing = true
		}
		if err != nil {
			s.adapter.counters.Count("neighbours_not_asked")
			return
		}
	}
	s.adapter.counters.Count("neighbours_asked")
}

// heardNeighbour tells of an access point that a station hears. What a station says of others counts for itself only.
func (s *session) heardNeighbour(at time.Time, ev event) {
	t := s.stations[ev.station]
	if len(ev.args) < 3 || t == nil {
		s.adapter.counters.Count("garbled")
		return
	}
	bssid, dBm, ok := parseBeaconReport(ev.args[2], strings.Join(ev.args[3:], ""))
	switch {
	case !ok: // it has nothing to report, or cannot
		s.adapter.counters.Count("neighbour_reports_empty")
	case bssid == s.poa:
	case !s.cfg.LinkDetected || !s.detected.AllowN(at, 1):
		s.adapter.counters.Count("detected_suppressed")
	default:
		s.send(at, mih.LinkDetected{
			Link: mih.LinkTupleID{Link: t.link.Link, PointOfAttachment: bssid}, SignalStrength: mih.SignalStrength{Value: dBm},
		}, nil)
	}
}

// parseBeaconReport reads the mode of a measurement report and the body of a beacon report.
func parseBeaconReport(mode, body string) (bssid mih.LinkAddress, dBm int, ok bool) {
	octets, err := hex.DecodeString(body)
	if mode != "00" || err != nil || len(octets) < beaconReport {
		return bssid, 0, false
	}
	rcpi, address := octets[13], [6]byte(octets[15:21])
	if rcpi == 0 || rcpi >= highestRCPI || address[0]&1 != 0 {
		return bssid, 0, false
	}
	bssid = mih.MACAddress(address)
	return bssid, int(rcpi)/2 - 110, !bssid.IsZero()
}
