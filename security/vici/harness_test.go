package vici_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"netlmm/security"
	"netlmm/security/ipsec"
	"netlmm/security/vici"
)

// patience is how long a test waits for what must come; nothing is asserted about how fast it comes.
const patience = 60 * time.Second

var (
	addressA = netip.MustParseAddr("2001:db8:f0::1")
	addressB = netip.MustParseAddr("2001:db8:f0::2")

	address4A = netip.MustParseAddr("192.0.2.1")
	address4B = netip.MustParseAddr("192.0.2.2")
)

// end is one side: a namespace with a charon in it, the client and the associations core that a daemon would have.
type end struct {
	t         *testing.T
	name, ns  string // IKE identity "a" or "b"; network namespace
	dir       string
	self, far netip.Addr
	libipsec  bool // the kernel has no ESP: charon does it
	charon    *exec.Cmd
	client    *vici.Client
	creds     vici.ConnectionConfig // what Load is given beyond the peer

	mu      sync.Mutex
	core    *ipsec.Associations
	changes []ipsec.Changed
	events  chan security.Event
}

// newPair makes two namespaces with a link between them.
func newPair(t *testing.T) (a, b *end) {
	t.Helper()
	return newPairAt(t, addressA, addressB)
}

// newPair4 makes them for signalling over IPv4.
func newPair4(t *testing.T) (a, b *end) {
	t.Helper()
	return newPairAt(t, address4A, address4B)
}

func newPairAt(t *testing.T, atA, atB netip.Addr) (a, b *end) {
	t.Helper()
	needTools(t)
	serial++
	a = &end{t: t, name: "a", self: atA, far: atB}
	b = &end{t: t, name: "b", self: atB, far: atA}
	for _, e := range []*end{a, b} {
		e.ns = fmt.Sprintf("vici%d-%d%s", os.Getpid(), serial, e.name)
		e.dir = shortDir(t)
		run(t, "ip", "netns", "add", e.ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", e.ns).Run() })
	}
	run(t, "ip", "link", "add", "core", "netns", a.ns, "type", "veth", "peer", "name", "core", "netns", b.ns)
	for _, e := range []*end{a, b} {
		run(t, "ip", "-n", e.ns, "link", "set", "lo", "up")
		run(t, "ip", "-n", e.ns, "link", "set", "core", "up")
		if e.self.Is4() {
			run(t, "ip", "-n", e.ns, "addr", "add", e.self.String()+"/24", "dev", "core")
		} else {
			run(t, "ip", "-n", e.ns, "addr", "add", e.self.String()+"/64", "dev", "core", "nodad")
		}
		e.libipsec = !kernelDoesESP(e.ns)
		e.configure()
	}
	return a, b
}

// kernelDoesESP tries to add an SA; which kernel the tests run on decides which of charon's plugins they exercise.
func kernelDoesESP(ns string) bool {
	add := "ip -n " + ns + " xfrm state add src ::1 dst ::2 proto esp spi 0x1234 mode transport aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128"
	fields := strings.Fields(add)
	if exec.Command(fields[0], fields[1:]...).Run() != nil {
		return false
	}
	return exec.Command("ip", "-n", ns, "xfrm", "state", "flush").Run() == nil
}

var serial int // of the pairs of this process; the tests of this package run one after the other

// shortDir: the path of a unix socket is limited to 107 bytes.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "vici")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func needTools(t *testing.T) {
	t.Helper()
	for tool, pkg := range map[string]string{"ip": "iproute2", "charon-systemd": "charon-systemd", "swanctl": "strongswan-swanctl", "pki": "strongswan-pki"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: apt-get install %s (also libstrongswan-extra-plugins libcharon-extra-plugins)", tool, pkg)
		}
	}
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces: run it as root")
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (e *end) path(name string) string { return filepath.Join(e.dir, name) }

func (e *end) write(name, content string) {
	e.t.Helper()
	if err := os.WriteFile(e.path(name), []byte(content), 0o600); err != nil {
		e.t.Fatal(err)
	}
}

func (e *end) configure() {
	plugins, options := "kernel-netlink", ""
	if e.libipsec {
		plugins, options = "kernel-libipsec kernel-netlink", `kernel-libipsec { allow_peer_ts = yes }
    kernel-netlink { fwmark = !0x42 }
    socket-default { fwmark = 0x42 }`
		e.routeIntoTunnel()
	}
	e.write("strongswan.conf", fmt.Sprintf(`charon-systemd {
  load = random nonce aes gcm sha1 sha2 hmac kdf gmp curve25519 openssl pem pkcs1 pkcs8 pubkey x509 constraints %[2]s socket-default vici
  install_virtual_ip = no
  routing_table = 4135
  routing_table_prio = 32770
  retransmit_timeout = 0.5
  retransmit_base = 1.4
  retransmit_tries = 4
  journal { default = -1 }
  filelog { f { path = %[1]s/charon.log
    default = 1
    flush_line = yes } }
  plugins {
    vici { socket = unix://%[1]s/charon.vici }
    %[3]s
  }
}
swanctl {
  load = random
  socket = unix://%[1]s/charon.vici
}
`, e.dir, plugins, options))
}

// routeIntoTunnel makes what must be protected, and nothing else, look up the routes of charon.
func (e *end) routeIntoTunnel() {
	rules := []string{"-6 rule add pref 50 ipproto 135"}
	for _, port := range []string{"udp/5436", "udp/4551", "tcp/4551"} {
		protocol, number, _ := strings.Cut(port, "/")
		for _, family := range []string{"-4", "-6"} {
			for _, side := range []string{"dport", "sport"} {
				rules = append(rules, family+" rule add pref 51 ipproto "+protocol+" "+side+" "+number)
			}
		}
	}
	for _, rule := range rules {
		run(e.t, "ip", append([]string{"-n", e.ns}, strings.Fields(rule+" lookup 4135")...)...)
	}
}

// startCharon in the namespace; it is killed with the test.
func (e *end) startCharon() {
	e.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", e.ns, "charon-systemd")
	cmd.Env = append(os.Environ(), "STRONGSWAN_CONF="+e.path("strongswan.conf"))
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	e.charon = cmd
	e.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if e.t.Failed() {
			log, _ := os.ReadFile(e.path("charon.log"))
			e.t.Logf("charon of %s:\n%s", e.name, telling(string(log)))
		}
	})
}

func (e *end) killCharon() {
	e.t.Helper()
	if err := e.charon.Process.Kill(); err != nil {
		e.t.Fatal(err)
	}
	_ = e.charon.Wait()
}

func (e *end) swanctl(args ...string) string {
	e.t.Helper()
	cmd := exec.Command("swanctl", args...)
	cmd.Env = append(os.Environ(), "STRONGSWAN_CONF="+e.path("strongswan.conf"), "SWANCTL_DIR="+e.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		e.t.Fatalf("swanctl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// startDaemon runs the client and the core for its peers, as magd and lmad do. The first is the one that status tells of.
func (e *end) startDaemon(peers ...security.Peer) {
	e.t.Helper()
	core, err := ipsec.New(ipsec.Config{Peers: peers})
	if err != nil {
		e.t.Fatal(err)
	}
	e.core = core
	e.client = vici.New(vici.Config{Socket: e.path("charon.vici"), Resync: time.Second})
	e.events = make(chan security.Event, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	tasks.Add(2)
	go func() {
		defer tasks.Done()
		_ = e.client.Run(ctx, func(ev security.Event) { e.events <- ev })
	}()
	go func() { defer tasks.Done(); e.own(ctx) }()
	e.t.Cleanup(func() { cancel(); tasks.Wait() })
}

// peer is the other end, with this end's defaults.
func (e *end) peer(managedBy security.ManagedBy, initiate bool) security.Peer {
	far := "a"
	if e.name == "a" {
		far = "b"
	}
	p := security.Peer{Address: e.far, Local: e.self, Identity: far, ManagedBy: managedBy, Initiate: initiate}
	if managedBy == security.ByNetlmm {
		p.Connection, p.Child = "to-"+far, "mh"
	}
	return p
}

// own is the goroutine that owns the core.
func (e *end) own(ctx context.Context) {
	for {
		wake := time.NewTimer(time.Hour)
		e.mu.Lock()
		if at, due := e.core.NextDeadline(); due {
			wake.Reset(time.Until(at))
		}
		e.mu.Unlock()
		var actions []ipsec.Action
		select {
		case <-ctx.Done():
			return
		case ev := <-e.events:
			e.mu.Lock()
			actions = e.core.Handle(time.Now(), ev)
			e.mu.Unlock()
		case <-wake.C:
			e.mu.Lock()
			actions = e.core.Expire(time.Now())
			e.mu.Unlock()
		}
		wake.Stop()
		go e.execute(ctx, actions)
	}
}

func (e *end) execute(ctx context.Context, actions []ipsec.Action) {
	for _, action := range actions {
		switch action := action.(type) {
		case ipsec.Load:
			e.report(ctx, action.Peer.Address, e.client.Load(ctx, e.connection(action.Peer)), security.Loaded{Peer: action.Peer.Address})
		case ipsec.Initiate:
			e.report(ctx, action.Peer, e.client.Initiate(ctx, action.Connection, action.Child), security.Initiated{Peer: action.Peer})
		case ipsec.Terminate:
			_ = e.client.Terminate(ctx, action.IKEUniqueID)
		case ipsec.Resync:
			e.client.Resync()
		case ipsec.Changed:
			e.mu.Lock()
			e.changes = append(e.changes, action)
			e.mu.Unlock()
		}
	}
}

func (e *end) report(ctx context.Context, peer netip.Addr, err error, success security.Event) {
	event := success
	if err != nil {
		event = security.Failed{Peer: peer, Err: err}
	}
	select {
	case e.events <- event:
	case <-ctx.Done():
	}
}

func (e *end) connection(p security.Peer) vici.ConnectionConfig {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.creds
	c.Name, c.Child, c.LocalAddress, c.RemoteAddress, c.RemoteID = p.Connection, p.Child, p.Local, p.Address, p.Identity
	if c.LocalID == "" {
		c.LocalID = e.name
	}
	return c
}

func (e *end) status() security.PeerStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.core.Status()[0]
}

func (e *end) changed() []ipsec.Changed {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]ipsec.Changed(nil), e.changes...)
}

// await polls until condition holds.
func await(t *testing.T, what string, condition func() bool, report func() any) {
	t.Helper()
	began := time.Now()
	for end := began.Add(patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain for: %s\nnow: %+v", patience, what, report())
		}
	}
	t.Logf("%s: after %v", what, time.Since(began).Round(time.Millisecond))
}

func (e *end) awaitState(state string) {
	e.t.Helper()
	await(e.t, e.name+" is "+state, func() bool { return e.status().State == state }, func() any { return e.status() })
}

func (e *end) awaitError(part string) {
	e.t.Helper()
	await(e.t, e.name+" says "+part, func() bool { return strings.Contains(e.status().LastError, part) }, func() any { return e.status() })
}

// telling leaves out of charon's log what it says of every packet.
func telling(log string) string {
	var lines []string
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "[NET]") && !strings.Contains(line, "INFORMATIONAL") && !strings.Contains(line, "DPD") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func containsAll(s string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(s, part) {
			return false
		}
	}
	return true
}
