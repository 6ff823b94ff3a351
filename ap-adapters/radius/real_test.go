package radius

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

// The real peers: hostapd, radclient and FreeRADIUS, all in the network namespace that this package's tests have to themselves.

func need(t *testing.T, tool, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		if path, err = exec.LookPath(filepath.Join("/usr/sbin", tool)); err != nil {
			t.Fatalf("%s is missing: apt-get install %s", tool, pkg)
		}
	}
	return path
}

// lab is a folder and the programs that run in it.
type lab struct {
	t   *testing.T
	dir string
}

// newLab makes a folder with a path short enough for a socket.
func newLab(t *testing.T) *lab {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "nlr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &lab{t, dir}
}

func (l *lab) write(name, text string) string {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

func (l *lab) run(args ...string) {
	l.t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		l.t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// daemon starts a program, which ends with the test; what comes back kills it before, as kill -9 does.
func (l *lab) daemon(args ...string) (kill func()) {
	l.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	l.t.Cleanup(func() {
		kill()
		if l.t.Failed() {
			l.t.Logf("%s:\n%s", args[0], out.String())
		}
	})
	return kill
}

// radclient sends one request to the adapter until it is answered, and says whether it was.
func (l *lab) radclient(kind string, secret Secret, attributes string) bool {
	l.t.Helper()
	return l.radclientAt("127.0.0.1:1813", 30, kind, secret, attributes)
}

// unanswered sends one that is to have no answer.
func (l *lab) unanswered(kind string, secret Secret, attributes string) bool {
	l.t.Helper()
	return !l.radclientAt("127.0.0.1:1813", 3, kind, secret, attributes)
}

func (l *lab) radclientAt(server string, times int, kind string, secret Secret, attributes string) bool {
	l.t.Helper()
	cmd := exec.Command(need(l.t, "radclient", "freeradius-utils"), "-r", fmt.Sprint(times), "-t", "1", "-S", l.write("secret", string(secret)), server, kind)
	cmd.Stdin = strings.NewReader(attributes)
	out, err := cmd.CombinedOutput()
	l.t.Logf("radclient %s: %v %s", kind, err, bytes.TrimSpace(out))
	return err == nil
}

const radclientStart = `Acct-Status-Type = Start, Acct-Session-Id = "77", User-Name = "anna@example.net", NAS-IP-Address = 192.0.2.9, NAS-Port-Type = Wireless-802.11,
Calling-Station-Id = "02-00-00-00-10-05", Called-Station-Id = "02-00-00-00-00-01:campus", Tunnel-Private-Group-Id:1 = "20"`

const radclientUp = `Link_Up acc20 02:00:00:00:10:05 02:00:00:00:00:01 "anna@example.net"`

func radclientConfig() Config {
	cfg := config()
	cfg.Listen = netip.MustParseAddrPort("127.0.0.1:1813")
	cfg.Clients[0].Links = []Link{{VLAN: "20", Interface: "acc20"}, {Interface: "acc0"}}
	return cfg
}

func TestRealRadclient(t *testing.T) {
	l := newLab(t)
	cfg := radclientConfig()
	r := run(t, cfg)
	signed := "Message-Authenticator = 0x00, " + radclientStart
	if !l.radclient("acct", secret, signed) {
		t.Fatal("no answer")
	}
	r.expect(radclientUp)
	if !l.radclient("status", secret, "Message-Authenticator = 0x00") {
		t.Error("no answer to Status-Server")
	}
	if !l.unanswered("acct", Secret("another"), radclientStart) || !l.unanswered("auth", secret, "User-Name = anna, User-Password = x") {
		t.Error("what is not to be answered was")
	}
	r.stop()
	cfg.Clients[0].RequireMessageAuthenticator = true
	again := run(t, cfg)
	update := strings.Replace(signed, "= Start", "= Interim-Update, Acct-Session-Time = 60", 1)
	if !l.radclient("acct", secret, update) {
		t.Fatal("no answer")
	}
	again.expect(radclientUp + " resync")
	if !l.unanswered("acct", secret, radclientStart) {
		t.Error("a request without the Message-Authenticator that is required was answered")
	}
	if !l.radclient("acct", secret, strings.Replace(signed, "= Start", "= Stop", 1)) {
		t.Fatal("no answer")
	}
	again.expect(strings.Replace(radclientUp, "Up", "Down", 1))
	for name, n := range map[string]uint64{"no_message_authenticator": 3, "answered": 2} {
		if got := again.counter(name); got < n { // more of what was sent again
			t.Errorf("%s is %d, want %d at least", name, got, n)
		}
	}
}

// freeRADIUS writes the configuration of a server with one way to take accounting, and modules and clients in between.
func (l *lab) freeRADIUS(more, preacct, accounting string) (start func() (kill func())) {
	l.t.Helper()
	binary := need(l.t, "freeradius", "freeradius")
	l.write("dictionary", "$INCLUDE /usr/share/freeradius/dictionary\n")
	l.write("radiusd.conf", fmt.Sprintf(`
name = netlmm
prefix = /usr
logdir = %[1]s
run_dir = %[1]s
libdir = /usr/lib/freeradius
pidfile = %[1]s/radiusd.pid
client netlmm {
	ipaddr = 127.0.0.1
	secret = "%[2]s"
}
%[3]s
server netlmm {
	listen {
		type = acct
		ipaddr = 127.0.0.1
		port = 2813
	}
	preacct {
		%[4]s
	}
	accounting {
		%[5]s
	}
}
`, l.dir, string(upstreamSecret), more, preacct, accounting))
	return func() func() { return l.daemon(binary, "-f", "-l", "stdout", "-d", l.dir, "-n", "radiusd") }
}

// accountingServer is a FreeRADIUS that keeps its records in a file.
func (l *lab) accountingServer() (start func() (kill func()), records func() string) {
	l.t.Helper()
	path := filepath.Join(l.dir, "detail")
	return l.freeRADIUS("modules {\n detail {\n filename = "+path+"\n permissions = 0600\n }\n}", "", "detail"), func() string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
}

func (l *lab) waitRecord(records func() string, words ...string) {
	l.t.Helper()
	eventually(l.t, fmt.Sprintf("the detail file has %q", words), func() bool {
		for _, word := range words {
			if !strings.Contains(records(), word) {
				return false
			}
		}
		return true
	})
}

func TestRealFreeRADIUSGetsTheRecords(t *testing.T) {
	l := newLab(t)
	start, records := l.accountingServer()
	cfg := radclientConfig()
	cfg.Forward = &Forward{Server: netip.MustParseAddrPort("127.0.0.1:2813"), Secret: upstreamSecret}
	r := run(t, cfg)
	if !l.unanswered("acct", secret, radclientStart) {
		t.Error("the access point was answered although no server has its record")
	}
	r.expect(radclientUp)
	kill := start()
	eventually(t, "an answer of FreeRADIUS", func() bool { return l.radclient("acct", secret, radclientStart) })
	if !l.radclient("acct", secret, "Message-Authenticator = 0x00, "+radclientStart) {
		t.Error("FreeRADIUS does not take the Message-Authenticator that was made for it")
	}
	l.waitRecord(records, "Acct-Status-Type = Start", `Acct-Session-Id = "77"`, `User-Name = "anna@example.net"`, "NAS-IP-Address = 192.0.2.9",
		`Calling-Station-Id = "02-00-00-00-10-05"`, `Tunnel-Private-Group-Id:1 = "20"`)
	kill()
	if !l.unanswered("acct", secret, strings.Replace(radclientStart, "= Start", "= Stop", 1)) {
		t.Error("the access point was answered although no server has its record")
	}
	r.expect(strings.Replace(radclientUp, "Up", "Down", 1))
	if c := r.Status().Counters; c["forward_answered"] == 0 || c["answered"] == 0 || c["forward_retransmitted"] == 0 {
		t.Errorf("counters %v", c)
	}
}

// With answer: always the access point is answered at once, and the record waits for the server.
func TestRealFreeRADIUSGetsTheRecordsLater(t *testing.T) {
	l := newLab(t)
	start, records := l.accountingServer()
	cfg := radclientConfig()
	cfg.Forward = &Forward{Server: netip.MustParseAddrPort("127.0.0.1:2813"), Secret: upstreamSecret, Always: true}
	r := run(t, cfg)
	if !l.radclient("acct", secret, radclientStart) {
		t.Error("no answer")
	}
	r.expect(radclientUp)
	eventually(t, "the record is sent again", func() bool { return r.counter("forward_retransmitted") > 0 })
	start()
	l.waitRecord(records, "Acct-Status-Type = Start", `Acct-Session-Id = "77"`)
	eventually(t, "the server's answer is taken", func() bool { return r.counter("forward_answered") == 1 })
}

// A FreeRADIUS between access points and gateway passes their accounting on: that of a campus, whose access points all write to it.
func TestRealFreeRADIUSAsAClient(t *testing.T) {
	l := newLab(t)
	r := run(t, radclientConfig())
	start := l.freeRADIUS(fmt.Sprintf(`
proxy server {
}
home_server gateway {
	type = acct
	ipaddr = 127.0.0.1
	port = 1813
	secret = "%s"
	status_check = status-server
}
home_server_pool gateways {
	home_server = gateway
}
realm GATEWAY {
	acct_pool = gateways
}
modules {
	always ok {
		rcode = ok
	}
}`, string(secret)), "update control {\n Proxy-To-Realm := GATEWAY\n }", "ok")
	start()
	ask := func(attributes string) func() bool {
		return func() bool { return l.radclientAt("127.0.0.1:2813", 30, "acct", upstreamSecret, attributes) }
	}
	eventually(t, "an answer by way of FreeRADIUS", ask(radclientStart))
	r.expect(radclientUp)
	eventually(t, "an answer by way of FreeRADIUS", ask(strings.Replace(radclientStart, "= Start", "= Stop", 1)))
	r.expect(strings.Replace(radclientUp, "Up", "Down", 1))
}

// hostapdLab is a hostapd with 802.1X on a wire, which authenticates at a RADIUS server and accounts to the adapter, and a host.
type hostapdLab struct {
	*lab
	host string // namespace
	kill func()
}

func newHostapdLab(t *testing.T) *hostapdLab {
	t.Helper()
	need(t, "hostapd", "hostapd")
	need(t, "wpa_supplicant", "wpasupplicant")
	l := &hostapdLab{lab: newLab(t), host: fmt.Sprintf("nlr-mn-%d", os.Getpid())}
	l.run("ip", "netns", "add", l.host)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", l.host).Run() })
	l.run("ip", "link", "add", "acc0", "type", "veth", "peer", "name", "eth0", "netns", l.host)
	l.run("ip", "-n", l.host, "link", "set", "eth0", "address", station(0).String(), "up")
	l.run("ip", "link", "set", "acc0", "up")
	users, clients := l.write("users", "* MD5 \"secret\"\n"), l.write("clients", "127.0.0.1 secret-of-authentication\n")
	l.write("server.conf", fmt.Sprintf("driver=none\neap_server=1\neap_user_file=%s\nradius_server_clients=%s\nradius_server_auth_port=1812\n", users, clients))
	l.write("acc0.conf", fmt.Sprintf("interface=acc0\ndriver=wired\nctrl_interface=%s/ctl\nieee8021x=1\nuse_pae_group_addr=1\neap_reauth_period=0\nssid=campus\n"+
		"nas_identifier=ap1\nown_ip_addr=127.0.0.1\nauth_server_addr=127.0.0.1\nauth_server_port=1812\nauth_server_shared_secret=secret-of-authentication\n"+
		"acct_server_addr=127.0.0.1\nacct_server_port=1813\nacct_server_shared_secret=%s\nradius_acct_req_attr=61:d:15\n", l.dir, string(secret)))
	l.write("eth0.conf", fmt.Sprintf("ctrl_interface=%s/wpa\nap_scan=0\nnetwork={\nkey_mgmt=IEEE8021X\neap=MD5\nidentity=\"mn0@example.net\"\n"+
		"password=\"secret\"\neapol_flags=0\n}\n", l.dir))
	l.start()
	return l
}

func (l *hostapdLab) start() { l.kill = l.daemon("hostapd", l.dir+"/acc0.conf", l.dir+"/server.conf") }

func (l *hostapdLab) supplicantSays(command string) {
	l.t.Helper()
	l.run("wpa_cli", "-p", l.dir+"/wpa", "-i", "eth0", command)
}

// comesBack has the supplicant begin anew until it is up: hostapd and supplicant each may be in the midst of something else.
func (l *hostapdLab) comesBack(r *running, up string) {
	l.t.Helper()
	eventually(l.t, "the station is back", func() bool {
		l.supplicantSays("logoff")
		l.supplicantSays("logon")
		select {
		case ind := <-r.got:
			if text(ind) != up {
				l.t.Fatalf("got %s, want %s", text(ind), up)
			}
			return true
		case <-time.After(10 * time.Second):
			return false
		}
	})
}

func TestRealHostapd(t *testing.T) {
	cfg := radclientConfig()
	cfg.Clients[0].Links = []Link{{SSID: "campus", Interface: "acc0"}}
	r := run(t, cfg)
	l := newHostapdLab(t)
	eventually(t, "Accounting-On", func() bool { return r.counter("event_on") > 0 })
	point, err := net.InterfaceByName("acc0")
	if err != nil {
		t.Fatal(err)
	}
	up := fmt.Sprintf("Link_Up acc0 %s %s \"mn0@example.net\"", station(0), mih.MACAddress([6]byte(point.HardwareAddr)))
	down := strings.Replace(up, "Up", "Down", 1)

	l.daemon("ip", "netns", "exec", l.host, "wpa_supplicant", "-D", "wired", "-i", "eth0", "-c", l.dir+"/eth0.conf")
	if ind := r.expect(up); ind.Event.LinkTuple().Link.Type != mih.LinkTypeEthernet {
		t.Errorf("link type %v", ind.Event.LinkTuple().Link.Type)
	}
	l.supplicantSays("logoff")
	r.expect(down)
	l.comesBack(r, up)
	l.kill() // hostapd says nothing, as an access point without power
	l.start()
	r.expect(down) // Accounting-On
	l.comesBack(r, up)
	for name := range r.Status().Counters {
		if strings.HasPrefix(name, "bad_") || strings.HasPrefix(name, "refused_") || name == "malformed" || name == "unknown_client" {
			t.Errorf("%s is %d", name, r.counter(name))
		}
	}
}
