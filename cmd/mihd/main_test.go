package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/internal/netnstest"
)

// asDaemon has the test's program be mihd.
const asDaemon = "NETLMM_TEST_AS_MIHD"

func TestMain(m *testing.M) {
	if os.Getenv(asDaemon) != "" {
		main()
		return
	}
	netnstest.Main(m, func() error {
		return netnstest.Commands(
			"ip link set lo up", "ip -6 addr add 2001:db8:f0::1/128 dev lo nodad", "ip -6 addr add 2001:db8:f0::21/128 dev lo nodad",
			"ip link add acc0 type veth peer name eth0", "ip link set acc0 up", "ip link set eth0 up",
		)
	})
}

const atMost = 30 * time.Second

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(atMost); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

// process is a program that ends with the test.
type process struct {
	cmd *exec.Cmd
	mu  sync.Mutex
	out bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) said(what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Contains(p.out.String(), what)
}

func start(t *testing.T, env string, words ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(words[0], words[1:]...)}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = p, p, append(os.Environ(), env)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", words[0], p.out.String())
		}
	})
	return p
}

// lab is a real hostapd on a wire, without 802.1X, and the mihd in front of it.
type lab struct {
	t      *testing.T
	dir    string
	mihd   *process
	client *api.Client
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir, err := os.MkdirTemp("", "mihd") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &lab{t: t, dir: dir, client: api.NewClient(filepath.Join(dir, "mihd.sock"))}
}

// withHostapd starts both.
func (l *lab) withHostapd() {
	t, dir := l.t, l.dir
	t.Helper()
	if _, err := exec.LookPath("hostapd"); err != nil {
		t.Fatal("hostapd is missing: apt-get install hostapd")
	}
	l.write("hostapd.conf", "interface=acc0\ndriver=wired\nctrl_interface="+dir+"/ctl\n")
	l.write("mihd.yaml", fmt.Sprintf(`
mih:
  mihf_id: ap
  listen: ["2001:db8:f0::21"]
  peers: [{name: gateway, mihf_id: mag, address: "2001:db8:f0::1", protection: none}]
adapters: {hostapd: [{control_socket: %[1]s/ctl/acc0, interface: acc0, link_type: ethernet}]}
security: {mode: none}
admin: {socket: %[1]s/mihd.sock}
metrics: {listen: ""}
`, dir))
	start(t, "", "hostapd", dir+"/hostapd.conf")
	eventually(t, "hostapd has a control socket", func() bool {
		_, err := os.Stat(dir + "/ctl/acc0")
		return err == nil
	})
	l.start()
}

func (l *lab) start() {
	l.t.Helper()
	l.mihd = start(l.t, asDaemon+"=1", "/proc/self/exe", "--config", l.dir+"/mihd.yaml")
	eventually(l.t, "mihd answers", func() bool { return l.client.Get(context.Background(), api.PathStatus, &api.Status{}) == nil })
}

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// hostapd tells hostapd something.
func (l *lab) hostapd(command, address string) {
	l.t.Helper()
	if err := netnstest.Command("hostapd_cli -p " + l.dir + "/ctl -i acc0 " + command + " " + address); err != nil {
		l.t.Fatal(err)
	}
}

// stop ends mihd with a signal, and says how it ended.
func (l *lab) stop(signal syscall.Signal) error {
	_ = l.mihd.cmd.Process.Signal(signal)
	return l.mihd.cmd.Wait()
}

func accessPointAddress(t *testing.T) string {
	t.Helper()
	link, err := net.InterfaceByName("acc0")
	if err != nil {
		t.Fatal(err)
	}
	return link.HardwareAddr.String()
}
