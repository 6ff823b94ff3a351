package hostapd

import (
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

// report is a beacon report of class 81, channel 6, as hostapd writes it.
func report(rcpi, bssid string) string {
	return "5106" + strings.Repeat("00", 8) + "0000" + "00" + rcpi + "00" + bssid + "00" + "00000000"
}

func (f *fake) count(verb string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[verb]
}

// weakLab is a station that is near the threshold, at an access point that asks such stations.
func weakLab(t *testing.T) (*fake, *started) {
	f, cfg := fakeLab(t)
	i := &cfg.Interfaces[0]
	i.SignalPollInterval, i.GoingDownThreshold, i.Hysteresis, i.LinkDetected = time.Millisecond, -75, 5, true
	f.do(func() {
		f.stations = []string{mobileNode(0).String()}
		f.detail[mobileNode(0).String()] = "signal=-60\n"
	})
	a := start(t, cfg)
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	return f, a
}

// TestAWeakStationIsAskedWhatItHears: once in a while, for each band, and it is told of what it says.
func TestAWeakStationIsAskedWhatItHears(t *testing.T) {
	f, a := weakLab(t)
	eventually(t, "the signal is read", func() bool { return f.count("STA-FIRST") > 5 })
	if n := f.count("REQ_BEACON"); n > 0 {
		t.Errorf("a strong station was asked %d times", n)
	}
	f.setDetail("signal=-70\n")
	eventually(t, "it is asked", func() bool { return a.Status().Counters["neighbours_asked"] == 1 })
	if got, want := f.order(), "REQ_BEACON 02:00:00:00:10:00 7d000000000002ffffffffffff"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, line := range []string{
		"02:00:00:00:10:00 1 00 " + report("64", "020000000002"), // where it is
		"02:00:00:00:10:00 1 00",                                 // cut off
		"02:00:00:00:77:77 1 00 " + report("64", "020000000099"), // of a station that is not here
		"02:00:00:00:10:00 1 04 ",                                // incapable
		"02:00:00:00:10:00 2 00 " + report("64", "020000000030") + "0102aaaa",
	} {
		f.event("<3>BEACON-RESP-RX %s", line)
	}
	ind := a.expect(`Link_Detected wlan0 02:00:00:00:10:00 ""`)
	heard := ind.Event.(mih.LinkDetected)
	if heard.Link.PointOfAttachment.String() != "02:00:00:00:00:30" || heard.SignalStrength.Value != -60 {
		t.Errorf("%+v", heard)
	}
	if n := f.count("REQ_BEACON"); n != len(neighbourClasses) {
		t.Errorf("%d requests", n)
	}
}

// TestAStationThatHearsNothing is asked once.
func TestAStationThatHearsNothing(t *testing.T) {
	f, a := weakLab(t)
	f.do(func() {
		f.answer = func(command string) (string, bool) { return "FAIL\n", strings.HasPrefix(command, "REQ_BEACON") }
	})
	f.setDetail("signal=-70\n")
	eventually(t, "it is asked", func() bool { return a.Status().Counters["neighbours_not_asked"] == 1 })
	before := f.count("STA-FIRST")
	eventually(t, "it is looked at again", func() bool { return f.count("STA-FIRST") > before+5 })
	if n := f.count("REQ_BEACON"); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestBeaconReports(t *testing.T) {
	for _, c := range []struct {
		mode, body string
		dBm        int // 0: none
	}{
		{"00", report("64", "020000000030"), -60},
		{"00", report("01", "020000000030"), -110},
		{"00", report("db", "020000000030"), -1},
		{"00", report("dc", "020000000030"), 0}, // 0 dBm or more
		{"00", report("ff", "020000000030"), 0}, // not measured
		{"00", report("00", "020000000030"), 0}, // less than can be told
		{"00", report("64", "030000000030"), 0}, // a group
		{"00", report("64", "000000000000"), 0},
		{"04", report("64", "020000000030"), 0},
		{"00", report("64", "020000000030")[:50], 0},
		{"00", report("64", "02000000003x"), 0},
		{"00", "", 0},
	} {
		if _, dBm, ok := parseBeaconReport(c.mode, c.body); ok != (c.dBm != 0) || ok && dBm != c.dBm {
			t.Errorf("%s %s: %d dBm, %v", c.mode, c.body, dBm, ok)
		}
	}
}

func FuzzBeaconReport(f *testing.F) {
	f.Add("00", report("64", "020000000030"))
	f.Add("04", "")
	f.Fuzz(func(t *testing.T, mode, body string) {
		if bssid, dBm, ok := parseBeaconReport(mode, body); ok && (bssid.IsZero() || dBm < -110 || dBm >= 0) {
			t.Errorf("%v at %d dBm", bssid, dBm)
		}
	})
}
