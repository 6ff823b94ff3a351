//go:build hwsim

package hostapd

import (
	"fmt"
	"strings"
	"testing"
)

// hostapd puts a station into the VLAN of its passphrase, and tells it where the adapter looks.
func TestRadioVLAN(t *testing.T) {
	l := newRadioLab(t)
	l.hostapds[0].Process.Kill()
	l.hostapds[0].Wait()
	l.write("keys", "vlanid=10 00:00:00:00:00:00 passphrase\n")
	l.write("vlans", "*\tap0.#\n")
	l.write("ap0.conf", strings.Replace(l.configuration(0), "wpa_passphrase=passphrase\n",
		fmt.Sprintf("wpa_psk_file=%s/keys\ndynamic_vlan=1\nvlan_file=%s/vlans\n", l.dir, l.dir), 1))
	l.startPoint(0)
	cfg := l.radioConfig()
	cfg.Interfaces = cfg.Interfaces[:1]
	cfg.Interfaces[0].VLANs = map[int]string{10: "students"}
	a := start(t, cfg)
	connected(t, a)
	l.use(0, "psk")
	a.expect(fmt.Sprintf(`Link_Up students %s ""`, radioStation))
	l.station("disconnect")
	a.expect(fmt.Sprintf(`Link_Down students %s ""`, radioStation))
}
