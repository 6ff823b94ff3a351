package hostapd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"netlmm/mih"
)

func connected(t *testing.T, a *started) {
	t.Helper()
	eventually(t, "connected and resynchronised", func() bool { return a.Status().Counters["resyncs"] > 0 })
}

func TestPointOfAttachmentIsThatOfTheBSS(t *testing.T) {
	f, cfg := fakeLab(t)
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	a := start(t, cfg)
	ind := a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	want := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkType80211, Address: mobileNode(0)}, PointOfAttachment: mih.MACAddress([6]byte{2, 0, 0, 0, 0, 2})}
	if got := ind.Event.LinkTuple(); got != want {
		t.Errorf("link %v, want %v", got, want)
	}
}

func TestGarbageIsCounted(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	for _, bad := range []string{"", "x", "<3>", "<>AP-STA-CONNECTED", "AP-STA-CONNECTED 02:00:00:00:10:00", "<3>AP-STA-CONNECTED", "<3>AP-STA-CONNECTED zz",
		"<3>AP-STA-DISCONNECTED 02:00:00", strings.Repeat("A", 7000), "<3>RX-PROBE-REQUEST sa=nobody"} {
		f.event("%s", bad)
	}
	f.event("<3>WHATEVER-%d", 1)
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
	if c := a.Status().Counters; c["garbled"] != 10 || c["event_other"] != 1 {
		t.Errorf("counters %v, want 10 garbled and one other event", c)
	}
}

// The kernel queues ten datagrams for a socket (net.unix.max_dgram_qlen) and hostapd drops what does not fit: they are read
// whatever their handler is doing.
func TestEventsAreReadWhileTheHandlerIsBusy(t *testing.T) {
	f, _ := fakeLab(t)
	dir, err := newSocketDir(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	c, err := dir.dial(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.attach(""); err != nil {
		t.Fatal(err)
	}
	events, lost := make(chan received, 900), 0 // nobody takes from it
	done := make(chan error)
	go func() { done <- c.readEvents(events, func() { lost++ }) }()
	for i := range 1000 {
		f.event("<3>AP-STA-CONNECTED %s", mobileNode(i%250)) // waits while the socket's queue is full
	}
	eventually(t, "the queue filled", func() bool { return len(events) == cap(events) })
	c.Close()
	if <-done; lost == 0 || lost > 100 {
		t.Errorf("%d of 1000 events did not find a place among 900", lost)
	}
}

func TestLostRepliesAreMendedByAResync(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	f.do(func() { f.silent, f.stations = true, []string{"02:00:00:00:10:00"} })
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	eventually(t, "the loss counted", func() bool { return a.Status().Counters["failed_queries"] >= 1 })
	f.do(func() { f.silent = false })
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
}

func TestLateReplyAnswersNoOtherCommand(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	var once sync.Once
	f.do(func() {
		f.stations = []string{"02:00:00:00:10:00"}
		f.answer = func(command string) (reply string, own bool) {
			if strings.HasPrefix(command, "STA ") {
				once.Do(func() { reply, own = strings.Repeat("x", maxReply), true }) // fills our buffer
			}
			return reply, own
		}
	})
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
	if c := a.Status().Counters; c["lost_replies"] != 1 {
		t.Errorf("counters %v, want one lost reply", c)
	}
}

func TestBurstOfAThousandStations(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	const n = 1000
	f.do(func() {
		for i := range n {
			f.stations = append(f.stations, mih.MACAddress([6]byte{2, 0, 0, 1, byte(i >> 8), byte(i)}).String())
		}
	})
	for _, s := range f.stations {
		f.event("<3>AP-STA-CONNECTED %s", s)
	}
	for _, s := range f.stations {
		a.expect(fmt.Sprintf(`Link_Up wlan0 %s ""`, s))
	}
	if got := a.Status().Peers[0].Stations; got != n {
		t.Errorf("%d stations, want %d", got, n)
	}
}

func TestFullQueueIsMended(t *testing.T) {
	f, cfg := fakeLab(t)
	var mu sync.Mutex
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	full := false
	a := startWith(t, cfg, func(mih.Indication) bool {
		mu.Lock()
		defer mu.Unlock()
		return !full
	})
	set := func(v bool) { mu.Lock(); full = v; mu.Unlock() }
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	set(true)
	f.do(func() { f.stations = []string{"02:00:00:00:10:01"} })
	f.event("<3>AP-STA-DISCONNECTED 02:00:00:00:10:00")
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:01")
	eventually(t, "both dropped", func() bool { return a.Status().Counters["dropped"] >= 2 })
	set(false)
	// What the adapter saw happen and could not say is not called a resync.
	got := []string{text(<-a.got), text(<-a.got)}
	slices.Sort(got)
	want := []string{`Link_Down wlan0 02:00:00:00:10:00 "" resync`, `Link_Up wlan0 02:00:00:00:10:01 ""`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestResyncFindsWhatEventsDidNotTell(t *testing.T) {
	f, cfg := fakeLab(t)
	cfg.ResyncInterval = 1
	f.do(func() { f.stations = []string{"02:00:00:00:10:00", "02:00:00:00:10:01"} })
	f.do(func() {
		f.detail["02:00:00:00:10:00"], f.detail["02:00:00:00:10:01"] = "connected_time=100\n", "connected_time=100\n"
	})
	a := start(t, cfg)
	first := a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	a.expect(`Link_Up wlan0 02:00:00:00:10:01 "" resync`)
	f.do(func() { f.stations = f.stations[:1] })
	a.expect(`Link_Down wlan0 02:00:00:00:10:01 "" resync`)
	f.do(func() { f.detail["02:00:00:00:10:00"] = "connected_time=0\n" }) // it left and returned
	again := a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	if !again.Since.After(first.Since) {
		t.Errorf("since %v, want later than %v", again.Since, first.Since)
	}
}

func TestSignalThreshold(t *testing.T) {
	f, cfg := fakeLab(t)
	cfg.Interfaces[0].SignalPollInterval, cfg.Interfaces[0].GoingDownThreshold, cfg.Interfaces[0].Hysteresis = 1, -75, 5
	signal := func(dBm int) { f.do(func() { f.detail["02:00:00:00:10:00"] = fmt.Sprintf("signal=%d\n", dBm) }) }
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	signal(-60)
	a := start(t, cfg)
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	signal(-80)
	a.expect(`Link_Parameters_Report wlan0 02:00:00:00:10:00 ""`)
	a.expect(`Link_Going_Down wlan0 02:00:00:00:10:00 ""`)
	signal(-73) // within the hysteresis
	signal(-70)
	a.expect(`Link_Parameters_Report wlan0 02:00:00:00:10:00 ""`)
}

func TestProbeRequestsAreReportedWhenAskedFor(t *testing.T) {
	f, cfg := fakeLab(t)
	cfg.Interfaces[0].LinkDetected = true
	a := start(t, cfg)
	connected(t, a)
	for range 3 * detectedPerSec {
		f.event("<3>RX-PROBE-REQUEST sa=02:00:00:00:10:07 signal=-61")
	}
	ind := a.expect(`Link_Detected wlan0 02:00:00:00:10:07 ""`)
	if s := ind.Event.(mih.LinkDetected).SignalStrength.Value; s != -61 {
		t.Errorf("signal %d, want -61", s)
	}
	eventually(t, "the flood is held back", func() bool { return a.Status().Counters["detected_suppressed"] > 0 })
}

func TestCirclingStationListEnds(t *testing.T) {
	f, cfg := fakeLab(t)
	f.do(func() {
		f.answer = func(command string) (string, bool) {
			return "02:00:00:00:10:00\nflags=[AUTHORIZED]\n", strings.HasPrefix(command, "STA-NEXT")
		}
	})
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	a := start(t, cfg)
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	eventually(t, "the circle noticed", func() bool { return a.Status().Counters["garbled"] >= 1 })
}

func TestStationOfARestartedHostapdThatDoesNotReturn(t *testing.T) {
	f, cfg := fakeLab(t)
	cfg.ReturnGrace = 1
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	a := start(t, cfg)
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 "" resync`)
	f.conn.Close()
	os.Remove(f.path)
	eventually(t, "the loss noticed", func() bool { return !a.Status().Peers[0].Connected })
	again := newFake(t, f.path)
	again.do(func() {
		again.answer = func(command string) (string, bool) {
			return "bss[0]=wlan0\nbssid[0]=02:00:00:00:00:99\n", command == "STATUS"
		}
	})
	ind := a.expect(`Link_Down wlan0 02:00:00:00:10:00 "" resync`)
	if poa := ind.Event.LinkTuple().PointOfAttachment; poa != (mih.MACAddress([6]byte{2, 0, 0, 0, 0, 2})) {
		t.Errorf("point of attachment %s, want the one that the station was attached to", poa)
	}
}

func BenchmarkConnected(b *testing.B) {
	dir := shortDir(b)
	f := newFake(b, filepath.Join(dir, "wlan0"))
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	a := start(b, Config{Interfaces: []Interface{{ControlSocket: f.path, Interface: "wlan0"}}})
	<-a.got
	for b.Loop() {
		f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
		<-a.got
	}
}

func TestConfigurationErrors(t *testing.T) {
	_, err := New(Config{Interfaces: []Interface{{Interface: "wlan0"}, {ControlSocket: "/c", Interface: "w", GoingDownThreshold: -70}, {ControlSocket: "/c", Interface: "w"}}})
	for _, want := range []string{"interface 0", "signal poll interval", "listed twice"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %q", err, want)
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("no interfaces, no error")
	}
}

func FuzzParseStation(f *testing.F) {
	f.Add([]byte("02:00:00:00:10:00\nflags=[AUTHORIZED]\ndot1xAuthSessionUserName=mn@example.net\nconnected_time=7\nsignal=-60\n"))
	f.Add([]byte("FAIL\n"))
	f.Fuzz(func(t *testing.T, reply []byte) {
		if s, err := parseStation(reply); err == nil && s.identity != "" && !s.authorized {
			t.Errorf("identity %q of a station that is not authorized", s.identity)
		}
		parseStatus(reply, "wlan0")
		parseEvent(string(reply))
	})
}

// TestAStationThatHostapdNeverMissedIsReportedWhenItAuthenticatesAnew: hostapd 2.10 with the wired driver keeps a station
// authorized that roamed away, and calls it connected only the first time.
func TestAStationThatHostapdNeverMissedIsReportedWhenItAuthenticatesAnew(t *testing.T) {
	f, cfg := fakeLab(t)
	a := start(t, cfg)
	connected(t, a)
	f.do(func() { f.stations = []string{"02:00:00:00:10:00"} })
	f.event("<3>CTRL-EVENT-EAP-SUCCESS 02:00:00:00:10:00") // AP-STA-CONNECTED is still to come: nothing yet
	f.event("<3>AP-STA-CONNECTED 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
	f.event("<3>CTRL-EVENT-EAP-SUCCESS 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
	f.event("<3>CTRL-EVENT-EAP-SUCCESS2 02:00:00:00:10:00")
	a.expect(`Link_Up wlan0 02:00:00:00:10:00 ""`)
}
