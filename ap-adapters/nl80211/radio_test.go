//go:build hwsim

// What follows needs radios that the kernel simulates: `make vm-test` runs it.

package nl80211

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"netlmm/internal/hwsim"
	"netlmm/mih"
)

// radioLab is an access point with hostapd and a host with wpa_supplicant, each with a radio in a namespace of its own.
type radioLab struct {
	t        *testing.T
	dir      string
	ap, host string
	hostapd  *exec.Cmd
}

const (
	apAddress   = "02:00:00:00:30:10"
	hostAddress = "02:00:00:00:20:01"
)

func newRadioLab(t *testing.T) *radioLab {
	t.Helper()
	if err := hwsim.Load(6); err != nil {
		t.Fatal(err)
	}
	l := &radioLab{t: t, dir: t.TempDir(), ap: fmt.Sprintf("nl8-ap-%d", os.Getpid()), host: fmt.Sprintf("nl8-mn-%d", os.Getpid())}
	for name, radio := range map[string][2]string{l.ap: {"ap0", apAddress}, l.host: {"wl0", hostAddress}} {
		l.run("ip", "netns", "add", name)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
		mac, _ := address(radio[1]).MAC()
		if _, err := hwsim.Give(name, radio[0], mac[:]); err != nil {
			t.Fatal(err)
		}
	}
	l.write("ap.conf", "interface=ap0\ndriver=nl80211\nhw_mode=g\nchannel=1\nssid=lab\nctrl_interface="+l.dir+"/ctl\nwpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase=passphrase\n")
	l.startHostapd()
	return l
}

func address(text string) (a mih.LinkAddress) {
	if err := a.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return a
}

func (l *radioLab) run(words ...string) {
	l.t.Helper()
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		l.t.Fatalf("%v: %v\n%s", words, err, out)
	}
}

func (l *radioLab) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// daemon runs a program in a namespace until the test ends.
func (l *radioLab) daemon(namespace string, words ...string) *exec.Cmd {
	l.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", namespace}, words...)...)
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { l.kill(cmd) })
	return cmd
}

func (l *radioLab) kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()
}

func (l *radioLab) startHostapd() {
	l.t.Helper()
	l.hostapd = l.daemon(l.ap, "hostapd", "-t", "-f", l.dir+"/ap.log", l.dir+"/ap.conf")
	eventually(l.t, "hostapd up", func() bool {
		out, _ := exec.Command("hostapd_cli", "-p", l.dir+"/ctl", "-i", "ap0", "status").Output()
		return strings.Contains(string(out), "state=ENABLED")
	})
}

// associate has the host try, with a passphrase, until it is told to stop.
func (l *radioLab) associate(passphrase string) (leave func()) {
	l.t.Helper()
	l.write("wl.conf", "ctrl_interface="+l.dir+"/wpa\np2p_disabled=1\nnetwork={\nssid=\"lab\"\nscan_freq=2412\nkey_mgmt=WPA-PSK\npsk=\""+passphrase+"\"\n}\n")
	cmd := l.daemon(l.host, "wpa_supplicant", "-t", "-f", l.dir+"/wl.log", "-D", "nl80211", "-i", "wl0", "-c", l.dir+"/wl.conf")
	return func() {
		_, _ = exec.Command("wpa_cli", "-p", l.dir+"/wpa", "-i", "wl0", "terminate").Output() // which says goodbye to the access point
		_ = cmd.Wait()
	}
}

func (l *radioLab) log(name string) string {
	text, _ := os.ReadFile(filepath.Join(l.dir, name))
	return string(text)
}

// follow starts an adapter in the access point's namespace.
func (l *radioLab) follow() *running {
	l.t.Helper()
	a, err := New(Config{Radios: []Radio{{Radio: "ap0", Interface: "acc0"}}, ResyncInterval: time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		l.t.Fatal(err)
	}
	r := &running{Adapter: a, t: l.t}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := netns.GetFromName(l.ap)
		if err == nil {
			err = netns.Set(ns)
		}
		if err != nil {
			done <- err
			return
		}
		defer ns.Close()
		done <- a.Run(ctx, func(ind mih.Indication) bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.told = append(r.told, ind)
			return true
		})
	}()
	l.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("Run: %v", err)
		}
	})
	eventually(l.t, "the radio is followed", func() bool { p := a.Status().Peers[0]; return p.Connected && p.Complete })
	return r
}

// TestRadioStationComesAndGoes: with the right key it is up, and told once; a second adapter has it from the list.
func TestRadioStationComesAndGoes(t *testing.T) {
	l := newRadioLab(t)
	r := l.follow()
	leave := l.associate("passphrase")
	r.expect("Up 01")
	if link := r.told[0].Event.LinkTuple(); link.Link.Address != address(hostAddress) || link.PointOfAttachment != address(apAddress) {
		t.Errorf("link %+v", link)
	}
	later := l.follow()
	later.expect("Up 01*")
	leave()
	r.expect("Up 01", "Down 01")
	later.expect("Up 01*", "Down 01")
	l.associate("passphrase")
	r.expect("Up 01", "Down 01", "Up 01")
	l.kill(l.hostapd)
	r.wait("the station gone with its access point", func() bool { return r.Status().Peers[0].Stations == 0 })
	l.startHostapd()
	r.wait("the station is back", func() bool { return r.Status().Peers[0].Stations == 1 })
}

// TestRadioWrongKey: who is associated and fails the handshake is not up.
func TestRadioWrongKey(t *testing.T) {
	l := newRadioLab(t)
	r := l.follow()
	leave := l.associate("another passphrase")
	eventually(t, "two handshakes failed", func() bool { return strings.Count(l.log("ap.log"), "AP-STA-POSSIBLE-PSK-MISMATCH") >= 2 })
	leave()
	if told := r.events(); len(told) != 0 {
		t.Errorf("told %q; %+v", told, r.Status())
	}
	if c := r.Status().Counters; c["event_new_station"] == 0 || c["event_del_station"] == 0 {
		t.Errorf("the kernel announced nothing: %v", c)
	}
}

func (r *running) wait(what string, ok func() bool) {
	r.t.Helper()
	defer func() {
		if r.t.Failed() {
			r.t.Logf("told %q; status %+v", r.events(), r.Status())
		}
	}()
	eventually(r.t, what, ok)
}
