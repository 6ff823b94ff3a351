package hostapd

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
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
	case "REQ_BEACON":
		f.orders = append(f.orders, command)
		return "1", true
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
