//go:build hwsim

// What follows needs radios that the kernel simulates: `make vm-test` runs it.

package hostapd

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlmm/internal/hwsim"
	"netlmm/mih"
)

// networks of each access point of a radioLab, by the last octet of the BSSID: what security its SSID is named after.
var networks = []string{"psk", "eap", "ft", "ft-eap"}

// radioLab are two access points, each a hostapd with a radio and four networks in its own namespace, and a station with another
// radio. Between the access points is a cable, over which they pass on the keys of FT-EAP.
type radioLab struct {
	*lab
	points   [2]string // namespaces
	hostapds [2]*exec.Cmd
	phy      string // of the station
	rejected int    // associations of the station
}

const keyOfKeys = "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"

var radioStation = mih.MACAddress([6]byte{2, 0, 0, 0, 0x20, 1})

// bssid of one of networks of an access point.
func bssid(point int, network string) mih.LinkAddress {
	for i, name := range networks {
		if name == network {
			return mih.MACAddress([6]byte{2, 0, 0, 0, byte(0x30 + point), byte(0x10 + i)})
		}
	}
	panic(network)
}

// interfaceOf is the interface of a network: hostapd's first has the radio's name.
func interfaceOf(point int, network string) string {
	if network == networks[0] {
		return fmt.Sprintf("ap%d", point)
	}
	return fmt.Sprintf("ap%d_%s", point, strings.ReplaceAll(network, "-", "_"))
}

func newRadioLab(t *testing.T) *radioLab {
	t.Helper()
	l := &radioLab{lab: emptyLab(t)}
	if err := hwsim.Load(6); err != nil {
		t.Fatal(err)
	}
	l.points = [2]string{l.ap, l.ap + "b"}
	l.run("ip", "netns", "add", l.points[1])
	t.Cleanup(func() { exec.Command("ip", "netns", "del", l.points[1]).Run() })
	l.run("ip", "-n", l.points[0], "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", l.points[1])
	l.write("users", "\"mn@example.net\" PWD \"secret\"\n")
	for point, ns := range l.points {
		l.give(ns, interfaceOf(point, "psk"), bssid(point, "psk"))
		l.run("ip", "-n", ns, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
		l.run("ip", "-n", ns, "link", "set", "br0", "up")
		l.run("ip", "-n", ns, "link", "set", "cable", "master", "br0", "up")
		l.write(fmt.Sprintf("ap%d.conf", point), l.configuration(point))
		l.startPoint(point)
	}
	l.phy = l.give(l.host, "wl0", radioStation)
	l.startStation()
	return l
}

func (l *radioLab) give(ns, name string, address mih.LinkAddress) string {
	l.t.Helper()
	mac, _ := address.MAC()
	phy, err := hwsim.Give(ns, name, mac[:])
	if err != nil {
		l.t.Fatal(err)
	}
	return phy
}

// configuration of the hostapd of an access point.
func (l *radioLab) configuration(point int) string {
	var b strings.Builder
	for i, network := range networks {
		if i == 0 {
			fmt.Fprintf(&b, "interface=%s\ndriver=nl80211\nhw_mode=g\nchannel=%d\n", interfaceOf(point, network), 1+5*point)
		} else {
			fmt.Fprintf(&b, "bss=%s\n", interfaceOf(point, network))
		}
		fmt.Fprintf(&b, "ssid=%s\nbridge=br0\nctrl_interface=%s/ctl\nwpa=2\nrsn_pairwise=CCMP\nbss_transition=1\nrrm_beacon_report=1\n", network, l.dir)
		if strings.Contains(network, "ft") {
			fmt.Fprintf(&b, "nas_identifier=ap%d.example.net\nmobility_domain=%04x\nft_over_ds=0\n", point, 0x1000+i)
		}
		switch network {
		case "psk":
			b.WriteString("wpa_key_mgmt=WPA-PSK\nwpa_passphrase=passphrase\n")
		case "ft":
			b.WriteString("wpa_key_mgmt=FT-PSK\nwpa_passphrase=passphrase\nft_psk_generate_local=1\n")
		default:
			fmt.Fprintf(&b, "wpa_key_mgmt=%s\nieee8021x=1\neap_server=1\neap_user_file=%s/users\neap_reauth_period=0\n",
				map[string]string{"eap": "WPA-EAP", "ft-eap": "FT-EAP"}[network], l.dir)
		}
		if network == "ft-eap" {
			fmt.Fprintf(&b, "r1_key_holder=%s\n", strings.ReplaceAll(bssid(point, network).String(), ":", ""))
			for holder := range l.points {
				address := bssid(holder, network)
				fmt.Fprintf(&b, "r0kh=%s ap%d.example.net %s\nr1kh=%s %s %s\n", address, holder, keyOfKeys, address, address, keyOfKeys)
			}
		}
	}
	return b.String()
}

// startPoint runs the hostapd of an access point until it is there.
func (l *radioLab) startPoint(point int) {
	l.t.Helper()
	l.hostapds[point] = l.daemon(l.points[point], "chrt", "--rr", "10", "hostapd", "-t", "-f", fmt.Sprintf("%s/ap%d.log", l.dir, point), fmt.Sprintf("%s/ap%d.conf", l.dir, point))
	eventually(l.t, "hostapd up", func() bool {
		out, _ := exec.Command("hostapd_cli", "-p", l.dir+"/ctl", "-i", interfaceOf(point, networks[len(networks)-1]), "ping").Output()
		return strings.Contains(string(out), "PONG")
	})
}

// startStation runs a wpa_supplicant that knows every network, and uses none yet.
func (l *radioLab) startStation() {
	l.t.Helper()
	text := "ctrl_interface=" + l.dir + "/wpa\np2p_disabled=1\n"
	for _, network := range networks {
		keys := "psk=\"passphrase\""
		if strings.Contains(network, "eap") {
			keys = "eap=PWD\nidentity=\"mn@example.net\"\npassword=\"secret\""
		}
		management := map[string]string{"psk": "WPA-PSK", "eap": "WPA-EAP", "ft": "FT-PSK", "ft-eap": "FT-EAP"}[network]
		text += fmt.Sprintf("network={\nssid=\"%s\"\nscan_freq=2412 2437\nkey_mgmt=%s\n%s\ndisabled=1\n}\n", network, management, keys)
	}
	l.write("wl0.conf", text)
	l.daemon(l.host, "chrt", "--rr", "10", "wpa_supplicant", "-t", "-f", l.dir+"/wl0.log", "-D", "nl80211", "-i", "wl0", "-c", l.dir+"/wl0.conf")
	eventually(l.t, "wpa_supplicant up", func() bool { return strings.Contains(l.station("status"), "wpa_state=") })
}

// station has wpa_supplicant do something and returns what it says.
func (l *radioLab) station(command ...string) string {
	out, _ := exec.Command("wpa_cli", append([]string{"-p", l.dir + "/wpa", "-i", "wl0"}, command...)...).Output()
	return string(out)
}

// use has the station go to a network, at an access point: both hear it equally well, and it would take either.
func (l *radioLab) use(point int, network string) {
	l.t.Helper()
	for i, name := range networks {
		if name == network {
			l.station("bssid", fmt.Sprint(i), bssid(point, network).String())
			l.station("select_network", fmt.Sprint(i))
		}
	}
	l.associated(point, network)
	for i := range networks {
		l.station("bssid", fmt.Sprint(i), "00:00:00:00:00:00")
	}
}

func (l *radioLab) associated(point int, network string) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("the station at %s of access point %d", network, point), func() bool { return l.isAt(point, network) })
}

func (l *radioLab) isAt(point int, network string) bool {
	status := l.station("status")
	return strings.Contains(status, "bssid="+bssid(point, network).String()) && strings.Contains(status, "wpa_state=COMPLETED")
}

// hear has the station scan until it knows an access point.
func (l *radioLab) hear(point int, network string) {
	l.t.Helper()
	target := bssid(point, network).String()
	var scanned time.Time
	eventually(l.t, "the station hears "+target, func() bool {
		if time.Since(scanned) > 2*time.Second {
			scanned = time.Now()
			l.station("scan")
		}
		return strings.Contains(l.station("scan_results"), target)
	})
}

// roam has the station go to the other access point of its network, and says whether it did at once. On a machine that is late its kernel
// repeats the first frame of a fast transition, hostapd takes that for another one, refuses the next (status 55), and the station
// stays: it is told again.
func (l *radioLab) roam(point int, network string) (atOnce bool) {
	l.t.Helper()
	for try := range 5 {
		l.roamOnce(point, network)
		var arrived bool
		eventually(l.t, "the station somewhere", func() bool {
			arrived = l.isAt(point, network)
			return arrived || strings.Count(l.read("wl0.log"), "CTRL-EVENT-ASSOC-REJECT") > l.rejected && l.isAt(1-point, network)
		})
		l.rejected = strings.Count(l.read("wl0.log"), "CTRL-EVENT-ASSOC-REJECT")
		if arrived {
			return try == 0
		}
		l.station("bssid_ignore", "clear")
	}
	l.t.Fatalf("the station does not roam:\n%s", l.read("wl0.log"))
	return false
}

func (l *radioLab) read(name string) string {
	content, _ := os.ReadFile(filepath.Join(l.dir, name))
	return string(content)
}

func (l *radioLab) roamOnce(point int, network string) {
	l.t.Helper()
	l.hear(point, network)
	target := bssid(point, network).String()
	if said := l.station("roam", target); !strings.Contains(said, "OK") {
		l.t.Fatalf("roam to %s: %s", target, said)
	}
}

// chatter has the station send something all the time, so that its signal is measured.
func (l *radioLab) chatter() {
	l.t.Helper()
	l.run("ip", "-n", l.host, "address", "replace", "192.0.2.9/24", "dev", "wl0")
	l.daemon(l.host, "ping", "-q", "-b", "-i", "0.3", "192.0.2.255")
}

// radioConfig watches every network of both access points.
func (l *radioLab) radioConfig() Config {
	var c Config
	for point := range l.points {
		for _, network := range networks {
			c.Interfaces = append(c.Interfaces, Interface{ControlSocket: l.dir + "/ctl/" + interfaceOf(point, network), Interface: interfaceOf(point, network)})
		}
	}
	return c
}
