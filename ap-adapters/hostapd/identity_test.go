package hostapd

import (
	"strings"
	"testing"
)

func TestIdentityIsTakenOfAuthorizedStationsOnly(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	replies := map[string]string{
		"02:00:00:00:10:00": "02:00:00:00:10:00\nflags=[AUTHORIZED]\ndot1xAuthSessionUserName=mn@example.net\nflags=\ndot1xAuthSessionUserName=x\n",
		"02:00:00:00:10:01": "02:00:00:00:10:01\nflags=[AUTH]\ndot1xAuthSessionUserName=mn@example.net\n",
		"02:00:00:00:10:02": "02:00:00:00:10:02\nflags=[AUTHORIZED]\ndot1xAuthSessionUserName=\x1b[2Jmn\n",
		"02:00:00:00:10:03": "02:00:00:00:10:04\nflags=[AUTHORIZED]\n", // another station's
	}
	f.do(func() {
		f.answer = func(command string) (string, bool) {
			reply, ok := replies[strings.TrimPrefix(command, "STA ")]
			return reply, ok
		}
	})
	for i := range 4 {
		f.event("<3>AP-STA-CONNECTED %s", mobileNode(i))
	}
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "mn@example.net"`)
	eventually(t, "the others counted", func() bool {
		c := a.Status().Counters
		return c["station_gone"] == 1 && c["failed_queries"] == 1 && c["identity_invalid"] == 1
	})
}

// A station with an identity that can be no NAI must not be taken for one without: it would be served as its address.
func TestImpossibleIdentityIsNotServed(t *testing.T) {
	f, cfg := fakeLab(t)
	cfg.ResyncInterval = 1
	bad := []string{"", "\x1b[2Jmn", "mn\xff@example.net", strings.Repeat("m", 254)}
	f.do(func() {
		for i, id := range bad {
			f.stations = append(f.stations, mobileNode(i).String())
			f.detail[mobileNode(i).String()] = "dot1xAuthSessionUserName=" + id + "\n"
		}
		f.stations = append(f.stations, mobileNode(9).String())
		f.detail[mobileNode(9).String()] = "dot1xAuthSessionUserName=mn9@example.net\n"
	})
	a := start(t, cfg)
	a.expect(`Link_Up wlan0 02:00:00:00:10:09 "mn9@example.net" resync`)
	for i := range bad {
		f.event("<3>AP-STA-CONNECTED %s", mobileNode(i))
	}
	// The one that was served authenticates again with such an identity: what was told of it holds no more.
	f.do(func() { f.detail[mobileNode(9).String()] = "dot1xAuthSessionUserName=\n" })
	a.expect(`Link_Down wlan0 02:00:00:00:10:09 "mn9@example.net" resync`)
	f.do(func() { f.detail[mobileNode(9).String()] = "dot1xAuthSessionUserName=mn9@example.net\n" })
	a.expect(`Link_Up wlan0 02:00:00:00:10:09 "mn9@example.net" resync`)
	if c := a.Status().Counters; c["identity_invalid"] < uint64(len(bad)) {
		t.Errorf("counters %v, want %d or more invalid identities", c, len(bad))
	}
}

func TestImpossibleIdentityOfAConnectedStationEndsWhatWasTold(t *testing.T) {
	f, cfg := fakeLab(t)
	name := func(id string) {
		f.do(func() { f.detail["02:00:00:00:10:00"] = "dot1xAuthSessionUserName=" + id + "\n" })
	}
	name("mn@example.net")
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	a := start(t, cfg)
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "mn@example.net" resync`)
	name("\x07")
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Down wlan0 02:00:00:00:10:00 "mn@example.net"`)
}

// hostapd writes "(null)" for an identity that it does not have yet.
func TestIdentityThatIsNotKnownYetIsAskedForAgain(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	f.do(func() {
		f.stations = []string{"02:00:00:00:10:00"}
		f.detail["02:00:00:00:10:00"] = "dot1xAuthSessionUserName=(null)\n"
	})
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	eventually(t, "asked again, more than once", func() bool { return a.Status().Counters["identity_pending"] > 2 })
	f.do(func() { f.detail["02:00:00:00:10:00"] = "dot1xAuthSessionUserName=mn@example.net\n" })
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "mn@example.net" resync`)
}

// At an access point to which a station came by fast transition hostapd never gets an identity of it: that is no reason to wait. A
// station that writes so itself is not taken for nameless.
func TestIdentityAfterFastTransition(t *testing.T) {
	for _, test := range []struct {
		suite, name string
		naming      naming
	}{
		{"00-0f-ac-3", "N/A", nameUntold},
		{"00-0f-ac-13", "(null)", nameUntold},
		{"00-0f-ac-3", "mn@example.net", named},
		{"00-0f-ac-1", "N/A", namePending},
		{"00-0f-ac-1", "(null)", namePending},
		{"", "N/A", namePending},
	} {
		st, err := parseStation([]byte("02:00:00:00:10:00\nflags=[AUTHORIZED]\nAKMSuiteSelector=" + test.suite + "\ndot1xAuthSessionUserName=" + test.name + "\nAKMSuiteSelector=00-0f-ac-3\n"))
		if err != nil || st.naming != test.naming {
			t.Errorf("%+v: %d, %v", test, st.naming, err)
		}
	}
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	f.do(func() {
		f.stations = []string{"02:00:00:00:10:00"}
		f.detail["02:00:00:00:10:00"] = "AKMSuiteSelector=00-0f-ac-3\ndot1xAuthSessionUserName=N/A\n"
	})
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
	if n := a.Status().Counters["identity_untold"]; n != 1 {
		t.Errorf("%d identities untold, want 1", n)
	}
}
