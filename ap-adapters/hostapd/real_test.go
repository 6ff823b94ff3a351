package hostapd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

// lab is a hostapd and a host in two namespaces, joined by access links acc0, acc1, ...: no radio, but real 802.1X.
type lab struct {
	t        *testing.T
	dir      string
	ap, host string // namespaces
	hostapd  *exec.Cmd
	links    int
}

func need(t *testing.T, tool, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Fatalf("%s is missing: apt-get install %s", tool, pkg)
	}
}

// emptyLab is a lab without links.
func emptyLab(t *testing.T) *lab {
	t.Helper()
	need(t, "ip", "iproute2")
	need(t, "hostapd", "hostapd")
	need(t, "wpa_supplicant", "wpasupplicant")
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces: run it as root")
	}
	l := &lab{t: t, dir: shortDir(t)}
	l.ap, l.host = fmt.Sprintf("nlh-ap-%d", os.Getpid()), fmt.Sprintf("nlh-mn-%d", os.Getpid())
	for _, ns := range []string{l.ap, l.host} {
		l.run("ip", "netns", "add", ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
	}
	return l
}

func newLab(t *testing.T, links int) *lab {
	t.Helper()
	l := emptyLab(t)
	l.links = links
	l.write("users", "* MD5 \"secret\"\n")
	for i := range links {
		l.run("ip", "-n", l.ap, "link", "add", fmt.Sprintf("acc%d", i), "type", "veth", "peer", "name", fmt.Sprintf("eth%d", i), "netns", l.host)
		l.run("ip", "-n", l.host, "link", "set", fmt.Sprintf("eth%d", i), "address", mobileNode(i).String(), "up")
		l.run("ip", "-n", l.ap, "link", "set", fmt.Sprintf("acc%d", i), "up")
		l.write(fmt.Sprintf("acc%d.conf", i), fmt.Sprintf("interface=acc%d\ndriver=wired\nctrl_interface=%s/ctl\nieee8021x=1\neap_server=1\n"+
			"eap_user_file=%s/users\nuse_pae_group_addr=1\neap_reauth_period=0\n", i, l.dir, l.dir))
		l.write(fmt.Sprintf("eth%d.conf", i), fmt.Sprintf("ctrl_interface=%s/wpa\nap_scan=0\nnetwork={\nkey_mgmt=IEEE8021X\neap=MD5\n"+
			"identity=\"mn%d@example.net\"\npassword=\"secret\"\neapol_flags=0\n}\n", l.dir, i))
	}
	l.startHostapd()
	return l
}

func mobileNode(i int) mih.LinkAddress { return mih.MACAddress([6]byte{2, 0, 0, 0, 0x10, byte(i)}) }

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) run(args ...string) string {
	l.t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// daemon starts a program in a namespace and ends it with the test.
func (l *lab) daemon(ns string, args ...string) *exec.Cmd {
	l.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns}, args...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if l.t.Failed() {
			l.t.Logf("%s:\n%s", args[0], out.String())
		}
	})
	return cmd
}

func (l *lab) startHostapd() {
	l.t.Helper()
	args := []string{"hostapd"}
	for i := range l.links {
		args = append(args, fmt.Sprintf("%s/acc%d.conf", l.dir, i))
	}
	l.hostapd = l.daemon(l.ap, args...)
}

// killHostapd is kill -9: the socket file stays behind.
func (l *lab) killHostapd() {
	l.t.Helper()
	l.hostapd.Process.Kill()
	l.hostapd.Wait()
}

func (l *lab) supplicant(i int) {
	l.t.Helper()
	l.daemon(l.host, "wpa_supplicant", "-D", "wired", "-i", fmt.Sprintf("eth%d", i), "-c", fmt.Sprintf("%s/eth%d.conf", l.dir, i))
}

func (l *lab) supplicantSays(i int, command ...string) {
	l.t.Helper()
	l.run(append([]string{"wpa_cli", "-p", l.dir + "/wpa", "-i", fmt.Sprintf("eth%d", i)}, command...)...)
}

func (l *lab) config() Config {
	var c Config
	for i := range l.links {
		c.Interfaces = append(c.Interfaces, Interface{ControlSocket: l.dir + "/ctl", Interface: fmt.Sprintf("acc%d", i), LinkType: mih.LinkTypeEthernet})
	}
	return c
}

func TestRealHostapd(t *testing.T) {
	l := newLab(t, 2)
	a := start(t, l.config())
	up := func(i int) string { return fmt.Sprintf("Link_Up acc%d %s \"mn%d@example.net\"", i, mobileNode(i), i) }
	down := func(i int) string { return fmt.Sprintf("Link_Down acc%d %s \"mn%d@example.net\"", i, mobileNode(i), i) }
	eventually(t, "both interfaces connected", func() bool {
		peers := a.Status().Peers
		return peers[0].Connected && peers[1].Connected
	})

	l.supplicant(0)
	ind := a.expect(up(0))
	mac, err := net.ParseMAC(strings.TrimSpace(l.run("ip", "netns", "exec", l.ap, "cat", "/sys/class/net/acc0/address")))
	if err != nil {
		t.Fatal(err)
	}
	if poa := ind.Event.LinkTuple().PointOfAttachment; poa != mih.MACAddress([6]byte(mac)) {
		t.Errorf("point of attachment %s, want the BSSID %s", poa, mac)
	}
	l.supplicant(1)
	a.expect(up(1))
	l.supplicantSays(0, "logoff")
	a.expect(down(0))
	l.run("hostapd_cli", "-p", l.dir+"/ctl", "-i", "acc1", "deauthenticate", mobileNode(1).String())
	a.expect(down(1))
	eventually(t, "hostapd forgets the station that it sent away", func() bool {
		out, _ := exec.Command("hostapd_cli", "-p", l.dir+"/ctl", "-i", "acc1", "sta", mobileNode(1).String()).Output()
		return strings.Contains(string(out), "FAIL")
	})
	l.run("hostapd_cli", "-p", l.dir+"/ctl", "-i", "acc1", "new_sta", mobileNode(1).String())
	a.expect(up(1))
	if peers := a.Status().Peers; peers[0].Stations != 0 || peers[1].Stations != 1 {
		t.Errorf("stations: %+v, want none on acc0 and one on acc1", peers)
	}

	// A second adapter finds the station that is there already: the start of a daemon beside a running hostapd.
	b := start(t, l.config())
	if ind := b.expect(up(1) + " resync"); ind.Since.IsZero() {
		t.Error("a resynchronised Link_Up does not tell since when")
	}
	b.stop()
}

func TestRealHostapdRestart(t *testing.T) {
	l := newLab(t, 1)
	a := start(t, l.config())
	l.supplicant(0)
	up := fmt.Sprintf("Link_Up acc0 %s \"mn0@example.net\"", mobileNode(0))
	// The daemons race: the station may be found by the first resync.
	if ind := <-a.got; strings.TrimSuffix(text(ind), " resync") != up {
		t.Fatalf("got %s, want %s", text(ind), up)
	}
	l.killHostapd()
	eventually(t, "the loss of hostapd noticed", func() bool { return !a.Status().Peers[0].Connected })
	l.startHostapd()
	a.expect(up) // hostapd was made to ask the station, which nobody touched; no Link_Down came in between
}

// A wired port knows neither radio nor 802.11v, whatever hostapd answers: it takes a BSS_TM_REQ with OK.
func TestRealHostapdTakesCommands(t *testing.T) {
	l := newLab(t, 1)
	a := start(t, l.config())
	l.supplicant(0)
	up := fmt.Sprintf("Link_Up acc0 %s \"mn0@example.net\"", mobileNode(0))
	ind := <-a.got
	if strings.TrimSuffix(text(ind), " resync") != up {
		t.Fatalf("got %s, want %s", text(ind), up)
	}
	ctx, tuple := context.Background(), ind.Event.LinkTuple()
	point := mih.LinkID{Type: mih.LinkTypeEthernet, Address: tuple.PointOfAttachment}
	for _, link := range []mih.LinkID{tuple.Link, point} {
		if got, err := a.Parameters(ctx, link, everything); err != nil || describe(got) != "mode=normal" {
			t.Errorf("parameters of %v: %s, %v", link, describe(got), err)
		}
	}
	done, err := a.ConfigureThresholds(ctx, tuple, []mih.LinkParameterConfiguration{rssi(mih.ThresholdNormal, below(-70))})
	if err != nil || len(done) != 1 || done[0].Success {
		t.Errorf("thresholds of a wire: %+v, %v", done, err)
	}
	if err := a.Steer(ctx, tuple.Link, []apadapters.Target{{PointOfAttachment: mobileNode(9), Channel: 1}}, time.Second); !errors.Is(err, apadapters.ErrIncapable) {
		t.Errorf("steered over a wire: %v", err)
	}
	down := fmt.Sprintf("Link_Down acc0 %s \"mn0@example.net\"", mobileNode(0))
	for _, request := range []mih.LinkActionRequest{
		{Link: tuple.Link, PointOfAttachment: tuple.PointOfAttachment, Action: mih.LinkAction{Type: mih.ActionDisconnect, Attributes: mih.ActionRetainResources}},
		{Link: tuple.Link, Action: mih.LinkAction{Type: mih.ActionDisconnect}, After: 100 * time.Millisecond},
	} {
		if got := a.Act(ctx, request); got.Outcome != mih.ActionSucceeded {
			t.Fatalf("%+v: %+v", request, got)
		}
		a.expect(down)
		if got := a.Act(ctx, request); got.Outcome != mih.ActionFailed {
			t.Errorf("sent away again: %+v", got)
		}
		l.supplicantSays(0, "logoff")
		l.supplicantSays(0, "logon")
		a.expect(up)
	}
}
