package testbed

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// AccessPoint is a real hostapd on the access link of a MAG, with its built-in EAP server.
type AccessPoint struct {
	MAG string

	domain   *Domain
	monitors []*control // of each control socket

	mu            sync.Mutex
	joined        map[string]time.Time // last AP-STA-CONNECTED of a station
	left          map[string]time.Time // last AP-STA-DISCONNECTED
	authenticated map[string]time.Time // last success of EAP
	keyed         map[string]time.Time // last 4-way handshake
	answered      map[string]time.Time // last answer to a BSS transition request
	changed       chan struct{}        // closed and replaced at every event
}

// startAccessPoint runs hostapd in front of a MAG and listens to its events.
func (d *Domain) startAccessPoint(mag string) (*AccessPoint, error) {
	binary, err := program("hostapd", "hostapd")
	if err != nil {
		return nil, err
	}
	node, _ := d.accessPoint(mag)
	files, err := d.configureHostapd(mag)
	if err != nil {
		return nil, err
	}
	if _, err := d.start(node, "hostapd", nil, append([]string{binary, "-t"}, files...)...); err != nil {
		return nil, err
	}
	ap := &AccessPoint{
		MAG: mag, domain: d, joined: map[string]time.Time{}, left: map[string]time.Time{}, authenticated: map[string]time.Time{}, keyed: map[string]time.Time{},
		answered: map[string]time.Time{}, changed: make(chan struct{}),
	}
	return ap, ap.attach()
}

// configureHostapd writes the files of the access point in front of a MAG and returns its configurations.
func (d *Domain) configureHostapd(mag string) (files []string, err error) {
	node, link := d.accessPoint(mag)
	template, method, values := "hostapd.conf.tmpl", "MD5", any(map[string]string{
		"Interface": link, "Trigger": d.Options.Trigger, "MAG": syslogListenOnMAG, "AccessPoint": syslogAPAddress, "Secret": d.secret,
	})
	if d.Options.WiFi {
		template, method, values = "hostapd-wifi.conf.tmpl", "PWD", wifiValues(mag)
	}
	var users strings.Builder
	for _, id := range MobileNodeIDs {
		fmt.Fprintf(&users, "%q %s %q\n", id, method, eapPassword)
	}
	if err := os.WriteFile(d.Path(node, "hostapd.users"), []byte(users.String()), 0o600); err != nil {
		return nil, err
	}
	files = []string{d.Path(node, "hostapd.conf")}
	if d.Options.Trigger == TriggerRadius { // who was authenticated by a built-in EAP server is not named in accounting
		if err := d.render("hostapd-eap.conf.tmpl", node, "hostapd-eap.conf", nil); err != nil {
			return nil, err
		}
		if err := os.WriteFile(d.Path(node, "hostapd.clients"), []byte(syslogAPAddress+" "+d.secret+"\n"), 0o600); err != nil {
			return nil, err
		}
		files = append(files, d.Path(node, "hostapd-eap.conf"))
	}
	return files, d.render(template, node, "hostapd.conf", values)
}

// attach connects to hostapd's control sockets as soon as these exist.
func (ap *AccessPoint) attach() error {
	ap.close()
	for _, link := range ap.domain.hostapdInterfaces(ap.MAG) {
		if err := ap.attachTo(link); err != nil {
			return err
		}
	}
	return nil
}

func (ap *AccessPoint) attachTo(link string) error {
	d := ap.domain
	return poll(startPatience, "hostapd of "+ap.MAG+" opens its control socket", func() (bool, error) {
		node, _ := d.accessPoint(ap.MAG)
		hostapd, err := d.process(node, "hostapd")
		if err != nil {
			return false, err
		}
		if !hostapd.running() {
			return false, fmt.Errorf("hostapd of %s ended at start:\n%s", ap.MAG, d.tail(node, "hostapd"))
		}
		monitor, err := dialControl(d.Path(node, filepath.Join("hostapd", link)), d.Path(ap.MAG, "monitor-"+link))
		if err != nil {
			return false, nil
		}
		if err := monitor.events(ap.event); err != nil {
			monitor.close()
			return false, nil
		}
		ap.monitors = append(ap.monitors, monitor)
		return true, nil
	})
}

// close ends the listening.
func (ap *AccessPoint) close() {
	for _, monitor := range ap.monitors {
		monitor.close()
	}
	ap.monitors = nil
}

// event notes who joined and who left.
func (ap *AccessPoint) event(at time.Time, event string) {
	name, station, _ := strings.Cut(event, " ")
	station, _, _ = strings.Cut(station, " ")
	ap.mu.Lock()
	defer ap.mu.Unlock()
	switch name {
	case "AP-STA-CONNECTED":
		ap.joined[station] = at
	case "EAPOL-4WAY-HS-COMPLETED":
		ap.keyed[station] = at
		return
	case "BSS-TM-RESP":
		ap.answered[station] = at
		return
	case "CTRL-EVENT-EAP-SUCCESS", "CTRL-EVENT-EAP-SUCCESS2":
		ap.authenticated[station] = at
		if !ap.joined[station].After(ap.left[station]) {
			return // AP-STA-CONNECTED follows
		}
		ap.joined[station] = at // hostapd never missed it, and does not call it connected again
	case "AP-STA-DISCONNECTED":
		ap.left[station] = at
	default:
		return
	}
	close(ap.changed)
	ap.changed = make(chan struct{})
}

// waitJoined returns when a station associated with this access point, as soon as that is later than after.
func (ap *AccessPoint) waitJoined(station net.HardwareAddr, after time.Time, patience time.Duration) (time.Time, bool) {
	deadline := time.After(patience)
	for {
		ap.mu.Lock()
		at, changed := ap.joined[station.String()], ap.changed
		ap.mu.Unlock()
		if at.After(after) {
			return at, true
		}
		select {
		case <-changed:
		case <-deadline:
			return time.Time{}, false
		}
	}
}

// Forget makes the access point drop a station, as its inactivity timer would; hostapd then reports AP-STA-DISCONNECTED.
// A station that it does not know is no error.
//
// hostapd drops a single station in two steps: it is disconnected now and removed five seconds later, even when it is back
// by then. Only a removal of all stations is immediate, and that is what happens when no other one is in the cell.
func (ap *AccessPoint) Forget(station net.HardwareAddr) error {
	return ap.command(func(commands *control) error {
		if known, err := knows(commands, station); err != nil || !known {
			return err
		}
		for _, mn := range ap.domain.MobileNodes {
			if mn.at == ap.MAG && mn.MAC.String() != station.String() {
				return commands.order("DEAUTHENTICATE " + station.String())
			}
		}
		return commands.order("DEAUTHENTICATE ff:ff:ff:ff:ff:ff")
	})
}

// waitRemoved returns when hostapd no longer holds a station that it was told to forget.
func (ap *AccessPoint) waitRemoved(station net.HardwareAddr) error {
	if ap.holds(station) {
		return nil
	}
	return ap.command(func(commands *control) error {
		err := poll(20*time.Second, "hostapd of "+ap.MAG+" removes "+station.String(), func() (bool, error) {
			known, err := knows(commands, station)
			return !known, err
		})
		if err != nil {
			node, _ := ap.domain.accessPoint(ap.MAG)
			err = fmt.Errorf("%w; it says:\n%s", err, ap.domain.tail(node, "hostapd"))
		}
		return err
	})
}

// holds says whether the last event of a station was that it joined.
func (ap *AccessPoint) holds(station net.HardwareAddr) bool {
	ap.mu.Lock()
	defer ap.mu.Unlock()
	return ap.joined[station.String()].After(ap.left[station.String()])
}

// command runs f with a connection of its own to hostapd.
func (ap *AccessPoint) command(f func(*control) error) error {
	return ap.commandAt(ap.domain.HostapdSocket(ap.MAG), f)
}

func (ap *AccessPoint) commandAt(hostapd string, f func(*control) error) error {
	socket := fmt.Sprintf("commands-%d.sock", time.Now().UnixNano())
	commands, err := dialControl(hostapd, ap.domain.Path(ap.MAG, socket))
	if err != nil {
		return err
	}
	defer commands.close()
	return f(commands)
}

// knows asks hostapd for a station.
func knows(commands *control, station net.HardwareAddr) (bool, error) {
	answer, err := commands.request("STA " + station.String())
	return answer != "" && !strings.HasPrefix(answer, "FAIL"), err
}
