package hostapd

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"netlmm/mih"
)

// fake is a hostapd that answers as the test says.
type fake struct {
	t    testing.TB
	path string
	conn *net.UnixConn

	mu       sync.Mutex
	monitors []*net.UnixAddr
	stations []string                                      // addresses, in the order of STA-NEXT
	flags    string                                        // of every station, beyond the usual ones
	detail   map[string]string                             // lines of a station beyond its flags
	answer   func(command string) (reply string, own bool) // answers in place of the fake
	silent   bool                                          // replies are lost
	asked    map[string]int
	orders   []string // commands that are no questions
	mute     bool     // events are lost
}

func newFake(t testing.TB, path string) *fake {
	t.Helper()
	f := &fake{t: t, path: path, detail: map[string]string{}, asked: map[string]int{}}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	f.conn = conn
	t.Cleanup(func() { conn.Close() })
	go f.serve(conn)
	return f
}

func (f *fake) serve(conn *net.UnixConn) {
	for buf := make([]byte, 4000); ; {
		n, from, err := conn.ReadFromUnix(buf)
		if err != nil {
			return
		}
		if reply, ok := f.reply(string(buf[:n]), from); ok {
			conn.WriteToUnix([]byte(reply), from)
		}
	}
}

func (f *fake) reply(command string, from *net.UnixAddr) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	verb, arg, _ := strings.Cut(command, " ")
	f.asked[verb]++
	if f.answer != nil {
		if reply, own := f.answer(command); own {
			return reply, true
		}
	}
	if f.silent && strings.HasPrefix(verb, "STA") {
		return "", false
	}
	switch verb {
	case "ATTACH":
		f.monitors = append(f.monitors, from)
		return "OK\n", true
	case "PING":
		return "PONG\n", true
	case "STATUS":
		return "state=ENABLED\nphy=phy0\nfreq=2437\nchannel=6\nbeacon_int=100\ndtim_period=2\nbss[0]=other\nbssid[0]=02:00:00:00:00:01\nbss[1]=wlan0\nbssid[1]=02:00:00:00:00:02\n", true
	case "STA":
		return f.station(slices.Index(f.stations, arg), "FAIL\n"), true
	case "STA-FIRST":
		return f.station(0, ""), true
	case "STA-NEXT":
		at := slices.Index(f.stations, arg)
		if at < 0 {
			return "FAIL\n", true
		}
		return f.station(at+1, ""), true
	case "DEAUTHENTICATE", "DISASSOCIATE": // OK to any address, as the real one says
		f.orders = append(f.orders, command)
		if at := slices.Index(f.stations, arg); at >= 0 {
			f.stations = slices.Delete(f.stations, at, at+1)
			f.say("<3>AP-STA-DISCONNECTED " + arg)
		}
		return "OK\n", true
	case "BSS_TM_REQ":
		f.orders = append(f.orders, command)
		station, _, _ := strings.Cut(arg, " ")
		if !slices.Contains(f.stations, station) {
			return "FAIL\n", true
		}
		return "OK\n", true
	}
	return "UNKNOWN COMMAND\n", true
}

func (f *fake) station(at int, none string) string {
	if at < 0 || at >= len(f.stations) {
		return none
	}
	return f.stations[at] + "\nflags=[AUTH][ASSOC][AUTHORIZED]" + f.flags + "\n" + f.detail[f.stations[at]]
}

// do changes the fake's state.
func (f *fake) do(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// event sends an event to every monitor, waiting where hostapd would lose it.
func (f *fake) event(format string, args ...any) {
	f.t.Helper()
	f.mu.Lock()
	conn, monitors := f.conn, slices.Clone(f.monitors)
	if f.mute {
		monitors = nil
	}
	f.mu.Unlock()
	f.tell(conn, monitors, fmt.Appendf(nil, format, args...))
}

// say is event for who holds the lock.
func (f *fake) say(text string) {
	if !f.mute {
		f.tell(f.conn, f.monitors, []byte(text))
	}
}

func (f *fake) tell(conn *net.UnixConn, monitors []*net.UnixAddr, text []byte) {
	for _, m := range monitors {
		if _, err := conn.WriteToUnix(text, m); err != nil {
			f.t.Logf("event to %s: %v", m, err)
		}
	}
}

// order is the last command that was no question.
func (f *fake) order() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.orders) == 0 {
		return ""
	}
	return f.orders[len(f.orders)-1]
}

func fakeLab(t testing.TB) (*fake, Config) {
	dir := shortDir(t)
	f := newFake(t, filepath.Join(dir, "wlan0"))
	return f, Config{Interfaces: []Interface{{ControlSocket: f.path, Interface: "wlan0"}}}
}

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
	eventually(t, "the loss counted", func() bool { return a.Status().Counters["failed_queries"] == 1 })
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
	eventually(t, "the circle noticed", func() bool { return a.Status().Counters["garbled"] == 1 })
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
