package hostapd

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	inVLANs = "02:00:00:00:10:01"
	inVLAN  = "rx_packets=1\nsignal=-50\nvlan_id="
)

// TestVLANs: hostapd puts stations of one BSS into VLANs, each with an access link of its own.
func TestVLANs(t *testing.T) {
	f, a, is := vlanLab(t, time.Hour)
	is(inVLAN + "10\nsupp_op_classes=5173\n")
	f.event("<3>AP-STA-CONNECTED %s", inVLANs)
	a.expect(`Link_Up students ` + inVLANs + ` ""`)
	f.do(func() { f.stations = nil })
	f.event("<3>AP-STA-DISCONNECTED %s", inVLANs)
	a.expect(`Link_Down students ` + inVLANs + ` ""`)
	is("rx_packets=1\n")
	f.event("<3>AP-STA-CONNECTED %s", inVLANs)
	a.expect(`Link_Up wlan0 ` + inVLANs + ` ""`)
}

// TestVLANsThatNobodyTellsOf: a station was authorized anew, into another VLAN, and nobody said so.
func TestVLANsThatNobodyTellsOf(t *testing.T) {
	f, a, is := vlanLab(t, 50*time.Millisecond)
	is(inVLAN + "10\n")
	a.expect(`Link_Up students ` + inVLANs + ` "" resync`)
	is(inVLAN + "20\n")
	a.expect(`Link_Up staff ` + inVLANs + ` "" resync`)
	is(inVLAN + "30\n") // of which nothing is known
	a.expect(`Link_Down staff ` + inVLANs + ` "" resync`)
	f.event("<3>AP-STA-CONNECTED %s", inVLANs)
	eventually(t, "it is counted", func() bool { return a.Status().Counters["vlan_unknown"] > 0 && a.Status().Peers[0].Stations == 0 })
}

// vlanLab is an adapter of a BSS with VLANs, and one station, inVLANs, that is as is says.
func vlanLab(t *testing.T, resync time.Duration) (f *fake, a *started, is func(detail string)) {
	f, cfg := fakeLab(t)
	cfg.Interfaces[0].VLANs = map[int]string{10: "students", 20: "staff"}
	cfg.ResyncInterval = resync
	a = start(t, cfg)
	connected(t, a)
	return f, a, func(detail string) {
		f.do(func() {
			f.detail[inVLANs] = detail
			f.stations = []string{inVLANs}
		})
	}
}

// TestVLANOfAReply: an identity may hold a line break, and what looks like a VLAN behind it.
func TestVLANOfAReply(t *testing.T) {
	for _, test := range []struct {
		detail string
		want   int
	}{
		{"", 0}, {"rx_packets=1\n", 0}, {inVLAN + "10\n", 10}, {inVLAN + "x\n", 0}, {inVLAN + "-1\n", 0},
		{"dot1xAuthSessionUserName=x\nvlan_id=10\nrx_packets=1\n", 0},
		{"dot1xAuthSessionUserName=x\nrx_packets=9\nvlan_id=10\nconnected_time=4\nrx_packets=1\n", 0},
		{"dot1xAuthSessionUserName=x\nrx_packets=9\nvlan_id=10\nconnected_time=4\nrx_packets=1\nvlan_id=20\n", 20},
	} {
		st, err := parseStation([]byte("02:00:00:00:10:00\nflags=[AUTHORIZED]\n" + test.detail))
		if err != nil || st.vlan != test.want {
			t.Errorf("%q: VLAN %d, %v; want %d", test.detail, st.vlan, err, test.want)
		}
	}
}

// TestSeveralBSS: each BSS of a hostapd has a control socket of its own; all are followed, and one that is not there holds up none.
func TestSeveralBSS(t *testing.T) {
	dir := shortDir(t)
	var cfg Config
	var fakes []*fake
	for i := range 4 {
		name := "wlan0_" + strconv.Itoa(i)
		if i < 3 {
			fakes = append(fakes, newFake(t, filepath.Join(dir, name)))
		}
		cfg.Interfaces = append(cfg.Interfaces, Interface{ControlSocket: dir, Interface: name})
	}
	a := start(t, cfg)
	eventually(t, "those that are there are connected", func() bool {
		p := a.Status().Peers
		return p[0].Connected && p[1].Connected && p[2].Connected && !p[3].Connected && strings.Contains(p[3].Detail, "ctrl_interface")
	})
	for i, f := range fakes { // a station that goes from one to the next, by fast transition
		station := "02:00:00:00:10:01"
		f.do(func() { f.stations = []string{station} })
		f.event("<3>AP-STA-CONNECTED %s auth_alg=ft", station)
		a.expect(`Link_Up wlan0_` + strconv.Itoa(i) + ` ` + station + ` ""`)
	}
}
