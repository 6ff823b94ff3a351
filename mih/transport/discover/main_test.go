package discover

import (
	"context"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"netlmm/internal/netnstest"
)

const patience = 20 * time.Second

// TestMain: a name server of the tests listens on 127.0.0.1, a DHCP server in the namespace "there" at the other end of a link.
func TestMain(m *testing.M) {
	netnstest.Main(m, func() error { return netnstest.Command("ip link set lo up") })
}

func withPatience(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dnsmasq runs one with these options until the test ends.
func dnsmasq(t testing.TB, namespace string, options ...string) {
	t.Helper()
	arguments := append([]string{"--conf-file=/dev/null", "--no-daemon", "--user=root", "--pid-file", "--no-resolv", "--no-hosts"}, options...)
	name := "dnsmasq"
	if namespace != "" {
		name, arguments = "ip", append([]string{"netns", "exec", namespace, "dnsmasq"}, arguments...)
	}
	server := exec.Command(name, arguments...)
	output := &logWriter{t: t}
	server.Stdout, server.Stderr = output, output
	if err := server.Start(); err != nil {
		t.Fatalf("%v (install the Debian package dnsmasq-base)", err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
}

type logWriter struct{ t testing.TB }

func (w *logWriter) Write(text []byte) (int, error) {
	w.t.Logf("%s", text)
	return len(text), nil
}

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}
