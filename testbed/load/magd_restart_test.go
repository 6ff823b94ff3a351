package load

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// attach puts hosts on the access link, one for each station, whose kernels answer when the gateway asks whether they are there.
func (g *realGateway) attach(stations int) {
	g.t.Helper()
	namespace := fmt.Sprintf("load-sta-%d", os.Getpid())
	g.t.Cleanup(func() {
		if err := ip("netns del " + namespace); err != nil {
			g.t.Error(err)
		}
	})
	lines := []string{
		"netns add " + namespace,
		"-n " + g.gateway + " link set sta0 netns " + namespace,
		"-n " + namespace + " link set sta0 up",
	}
	for n := range stations {
		lines = append(lines, fmt.Sprintf("-n %s link add link sta0 name host%d address 02:00:00:00:%02x:%02x type macvlan mode bridge", namespace, n, n>>8, n&0xff),
			fmt.Sprintf("-n %s link set host%d up", namespace, n))
	}
	for _, line := range lines {
		if err := ip(line); err != nil {
			g.t.Fatal(err)
		}
	}
	if err := awaitAddresses(namespace); err != nil {
		g.t.Fatal(err)
	}
}

// TestMagdRegistersAgain plays an anchor that answers three updates of four and loses all bindings meanwhile (RFC 5847 section
// 3.2): a real gateway repeats what was not answered, and registers again who still answers on its access link.
func TestMagdRegistersAgain(t *testing.T) {
	const stations = 6
	g := startGateway(t)
	g.attach(stations)
	cfg := anchorTestConfig()
	cfg.DropRate, cfg.RestartAfter = 0.25, 15*time.Second
	came, began := false, time.Now()
	report := g.play(cfg, func(_, _, bindings int) bool {
		if !came {
			came = true
			for n := range stations {
				g.syslog("%%DOT11-6-ASSOC: Interface Dot11Radio0, Station   %s Associated KEY_MGMT[NONE]", station(n))
			}
		}
		return bindings == stations && time.Since(began) > cfg.RestartAfter+2*time.Second
	})
	restart := report.Restart
	if restart == nil || restart.Bindings != stations || restart.Registered != stations || report.RestartCounter != cfg.RestartCounter+1 {
		g.fail(report, "registrations after the restart")
	}
	if report.Unanswered == 0 || report.operation(Register).Repeated+report.operation(Refresh).Repeated == 0 {
		g.fail(report, "nothing was dropped, or nothing repeated")
	}
}
