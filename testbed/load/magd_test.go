package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const gatewayConfiguration = `mag:
  proxy_care_of_address: %[2]s
  state_path: %[1]s/magd.db
lmas:
  - {name: lma, address: "%[3]s"}
access_links:
  - {interface: acc0}
adapters:
  ciscosyslog:
    listen: "192.0.2.1:514"
    sources:
      - {address: 192.0.2.2, point_of_attachment: "00:00:5e:00:52:13", interface: acc0}
forwarding:
  backend: none
  uplink: %[4]s
security:
  mode: none
admin:
  socket: %[1]s/admin.sock
`

// realGateway is a magd in a namespace of its own, whose access point is this test.
type realGateway struct {
	t *testing.T
	*space
	log string
}

// startGateway builds magd, two namespaces and an access link, and runs it.
func startGateway(t *testing.T) *realGateway {
	t.Helper()
	g := &realGateway{t: t, space: &space{anchor: fmt.Sprintf("load-lma-%d", os.Getpid()), gateway: fmt.Sprintf("load-mag-%d", os.Getpid())}}
	dir := t.TempDir() // not the space's: down would remove the log before a failure shows it
	g.log = filepath.Join(dir, "magd.log")
	t.Cleanup(func() {
		if err := g.down(); err != nil {
			t.Error(err)
		}
	})
	if out, err := exec.Command("go", "build", "-o", dir+"/", "netlmm/cmd/magd").CombinedOutput(); err != nil {
		t.Fatalf("build magd: %v\n%s", err, out)
	}
	if err := g.build(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"-n " + g.gateway + " link add acc0 type veth peer name sta0",
		"-n " + g.gateway + " link set acc0 up",
		"-n " + g.gateway + " link set sta0 up",
		"-n " + g.gateway + " addr add 192.0.2.1/32 dev lo",
		"-n " + g.gateway + " addr add 192.0.2.2/32 dev lo",
	} {
		if err := ip(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := awaitAddresses(g.gateway); err != nil {
		t.Fatal(err)
	}
	configuration := filepath.Join(dir, "magd.yaml")
	if err := os.WriteFile(configuration, fmt.Appendf(nil, gatewayConfiguration, dir, firstGateway, anchorAddress, cableInterface), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(g.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	magd := exec.Command("ip", "netns", "exec", g.gateway, filepath.Join(dir, "magd"), "--config", configuration)
	magd.Stdout, magd.Stderr = log, log
	if err := magd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = magd.Wait(); close(ended) }() // how it ended shows in its log
	t.Cleanup(func() {
		_ = magd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = magd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("magd:\n%s", content(g.log))
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if strings.Contains(content(g.log), "msg=ready") {
			return g
		}
		select {
		case <-ended:
			t.Fatal("magd ended at start")
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("magd is not ready")
		}
	}
}

// syslog sends magd a line of its access point.
func (g *realGateway) syslog(format string, args ...any) {
	g.t.Helper()
	err := inNamespace(g.gateway, func() error {
		conn, err := net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.2:0")), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:514")))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "<190>*"+time.Now().UTC().Format("Jan _2 15:04:05.000")+": "+format, args...)
		return err
	})
	if err != nil {
		g.t.Error(err)
	}
}

func station(n int) string { return fmt.Sprintf("0200.0000.%04x", n) }

// play plays an anchor to the gateway until done says so of a line of progress.
func (g *realGateway) play(cfg AnchorConfig, done func(updates, answered, bindings int) bool) *AnchorReport {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	progress, lines := io.Pipe()
	cfg.Progress = lines
	go func() {
		for scanner := bufio.NewScanner(progress); scanner.Scan(); {
			var updates, answered, bindings int
			if _, err := fmt.Sscanf(scanner.Text(), "%d updates, %d answered, %d bindings", &updates, &answered, &bindings); err != nil {
				g.t.Errorf("%q: %v", scanner.Text(), err)
			}
			if done(updates, answered, bindings) {
				cancel()
			}
		}
	}()
	var report *AnchorReport
	err := inNamespace(g.anchor, func() (err error) {
		report, err = PlayAnchor(ctx, cfg)
		return err
	})
	lines.Close()
	if err != nil {
		g.t.Fatal(err)
	}
	if report.Result != "pass" {
		g.fail(report, "the play failed")
	}
	return report
}

func (g *realGateway) fail(r *AnchorReport, what string) {
	g.t.Helper()
	var text strings.Builder
	r.Print(&text)
	g.t.Errorf("%s: %s", what, text.String())
}

// TestPlaysToMagd plays an anchor to a real gateway over real sockets: stations come, some leave again, and the bindings of the
// others are revoked. The stations are nothing but lines of an access point's log: a gateway that had to repeat an update
// would ask for them in vain (RFC 5213 section 6.13), so that nothing is dropped here.
func TestPlaysToMagd(t *testing.T) {
	const stations, leaving = 12, 4
	g := startGateway(t)
	cfg := anchorTestConfig()
	cfg.Delay, cfg.RevokeAfter = 30*time.Millisecond, 8*time.Second
	came, left := false, false
	report := g.play(cfg, func(_, _, bindings int) bool {
		if !came { // now that the anchor is there
			came = true
			for n := range stations {
				g.syslog("%%DOT11-6-ASSOC: Interface Dot11Radio0, Station   %s Associated KEY_MGMT[NONE]", station(n))
			}
		}
		if bindings == stations && !left {
			left = true
			for n := range leaving {
				g.syslog("%%DOT11-4-MAXRETRIES: Packet to client %s reached max retries, removing the client", station(n))
			}
		}
		return left && bindings == 0
	})
	register, deregister, revocation := report.Operations[Register], report.Operations[Deregister], report.Revocation
	if register == nil || register.Accepted != stations || register.P50 < microseconds(cfg.Delay) || deregister == nil || deregister.Accepted < leaving {
		g.fail(report, "registrations")
	}
	if revocation == nil || revocation.Indications != stations-leaving || revocation.Statuses["success"] != stations-leaving {
		g.fail(report, "revocation")
	}
}
