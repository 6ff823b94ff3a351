package hostapd

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"netlmm/mih"
)

const (
	timeUnit       = 1024 * time.Microsecond // of IEEE 802.11
	beaconInterval = 100 * timeUnit          // where hostapd tells none
)

// bss is what STATUS tells of the access point.
type bss struct {
	address mih.LinkAddress // of one BSS of it; zero: it has none of this name
	enabled bool
	channel uint16        // 0: none
	beacons time.Duration // from one beacon to the next
}

// parseStatus reads the reply to STATUS for the BSS of one interface. Of a key that occurs twice the first counts: an SSID, which may
// hold a line break, stands behind.
func parseStatus(reply []byte, name string) bss {
	values, index := map[string]string{}, ""
	for line := range strings.Lines(string(reply)) {
		key, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if _, twice := values[key]; !ok || twice {
			continue
		}
		values[key] = value
		if index == "" && value == name && strings.HasPrefix(key, "bss[") {
			index = strings.TrimPrefix(key, "bss")
		}
	}
	b := bss{enabled: values["state"] == "ENABLED", beacons: beaconInterval}
	if index != "" {
		_ = b.address.UnmarshalText([]byte(values["bssid"+index]))
	}
	if channel, err := strconv.ParseUint(values["channel"], 10, 16); err == nil {
		b.channel = uint16(channel)
	}
	if units, err := strconv.ParseUint(values["beacon_int"], 10, 16); err == nil && units > 0 {
		b.beacons = time.Duration(units) * timeUnit
	}
	return b
}

func (s *session) bss() (bss, error) {
	reply, err := s.request("STATUS")
	if err != nil {
		return bss{}, err
	}
	return parseStatus(reply, filepath.Base(s.control)), nil
}

// Parameters asks hostapd about a station, or about the access point itself when the link is named by that. What hostapd does
// not tell is left out: of a wired link nearly all, and a packet error rate wherever no vendor has added tx_failed to the reply.
func (a *Adapter) Parameters(ctx context.Context, link mih.LinkID, want mih.LinkStatusRequest) (mih.LinkStatus, error) {
	return ask(ctx, a, link, mih.LinkAddress{}, func(s *session, station bool) (mih.LinkStatus, error) {
		if station {
			return s.stationStatus(link.Address, want)
		}
		b, err := s.bss()
		if err != nil {
			return mih.LinkStatus{}, err
		}
		mode := mih.ModePowerDown
		if b.enabled {
			mode = mih.ModeNormal
		}
		return mih.LinkStatus{States: states(want.States, mode, b)}, nil
	})
}

func (s *session) stationStatus(address mih.LinkAddress, want mih.LinkStatusRequest) (status mih.LinkStatus, err error) {
	t, st, err := s.attached(address)
	if err != nil {
		return status, err
	}
	t.traffic.read(time.Now(), st)
	var b bss
	if want.States&mih.AskChannel != 0 {
		if b, err = s.bss(); err != nil {
			return status, err
		}
	}
	mode := mih.ModeNormal
	if st.powerSave {
		mode = mih.ModePowerSave
	}
	status.States = states(want.States, mode, b)
	asked := map[mih.LinkParameterType]bool{} // a list of a stranger may name one many times
	for _, kind := range want.Parameters {
		if p, ok := t.parameter(kind, st); ok && !asked[kind] {
			status.Parameters = append(status.Parameters, p)
			asked[kind] = true
		}
	}
	if s.cfg.LinkType == mih.LinkType80211 {
		status.Descriptors = st.descriptors(want.Descriptors)
	}
	return status, nil
}

func states(want mih.LinkStates, mode mih.OperationMode, b bss) (list []mih.LinkState) {
	if want&mih.AskOperationMode != 0 {
		list = append(list, mih.LinkState{Mode: mode})
	}
	if want&mih.AskChannel != 0 && b.channel != 0 {
		list = append(list, mih.LinkState{Channel: &b.channel})
	}
	return list
}

func (s station) descriptors(want mih.LinkDescriptors) (list []mih.LinkDescriptor) {
	if want&mih.AskClassesOfService != 0 {
		list = append(list, mih.LinkDescriptor{Count: s.classes()})
	}
	if want&mih.AskQueues != 0 {
		list = append(list, mih.LinkDescriptor{Queues: true, Count: s.classes()})
	}
	return list
}
