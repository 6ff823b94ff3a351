package netnstest

import (
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const linkPatience = 20 * time.Second

// DNSMasq runs dnsmasq with these options until the test ends, in a namespace; "": here.
func DNSMasq(t testing.TB, namespace string, options ...string) {
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

// Link makes a namespace with a server's end of a link, "srv" with 192.0.2.1 and 2001:db8::1; ours is "mn" with 192.0.2.7. Both are
// gone when the test ends.
func Link(t testing.TB) (namespace string) {
	t.Helper()
	namespace = fmt.Sprintf("there%d", os.Getpid())
	t.Cleanup(func() {
		_ = exec.Command("ip", "link", "del", "mn").Run()
		_ = exec.Command("ip", "netns", "del", namespace).Run()
	})
	if err := Commands(
		"ip netns add "+namespace,
		"ip link add mn type veth peer name srv netns "+namespace,
		"sysctl -qw net.ipv6.conf.mn.accept_dad=0",
		"ip netns exec "+namespace+" sysctl -qw net.ipv6.conf.srv.accept_dad=0",
		"ip link set mn up",
		"ip addr add 192.0.2.7/24 dev mn",
		"ip -n "+namespace+" link set lo up",
		"ip -n "+namespace+" link set srv up",
		"ip -n "+namespace+" addr add 192.0.2.1/24 dev srv",
		"ip -n "+namespace+" addr add 2001:db8::1/64 dev srv nodad",
	); err != nil {
		t.Fatal(err)
	}
	if err := awaitLinkLocal("mn"); err != nil {
		t.Fatal(err)
	}
	In(t, namespace, func() error { return awaitLinkLocal("srv") })
	return namespace
}

// awaitLinkLocal waits until the link has an address that can be used.
func awaitLinkLocal(name string) error {
	for end := time.Now().Add(linkPatience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, err := exec.Command("ip", "-6", "addr", "show", "dev", name, "scope", "link").Output()
		if err != nil {
			return err
		}
		if strings.Contains(string(out), "fe80") && !strings.Contains(string(out), "tentative") {
			return nil
		}
	}
	return fmt.Errorf("%s never has a link-local address", name)
}

// Octets is the form in which dnsmasq takes an option's octets.
func Octets(octets []byte) string {
	text := hex.EncodeToString(octets)
	var parts []string
	for i := 0; i < len(text); i += 2 {
		parts = append(parts, text[i:i+2])
	}
	return strings.Join(parts, ":")
}
