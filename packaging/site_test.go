//go:build packages

package packaging

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// site is the campus of docs/deploy.md: machines, what their cables are plugged into, and a laptop that is carried around.
type site struct {
	tag        string
	containers map[string]*container
}

// machines of the document; core is what eth0 of each is plugged into, cell (if any) what eth1 is.
var machines = []struct{ name, core, cell string }{
	{"lma", "core", ""}, {"mag1", "core", "mag1"}, {"mag2", "core", "mag2"}, {"border", "core", ""}, {"laptop", "mag1", ""},
}

// newSite builds and boots it.
func newSite(t *testing.T) *site {
	t.Helper()
	root, err := exec.Command("sh", "root.sh").Output()
	if err != nil {
		t.Fatalf("no fresh Debian: %v\n%s", err, stderr(err))
	}
	packages := built(t)
	if len(packages) != 4 {
		t.Fatal("there are no packages in out/packages: run `make packages` first")
	}
	s := &site{tag: fmt.Sprintf("%04x", rand.IntN(1<<16)), containers: map[string]*container{}}
	for _, m := range machines {
		c := newContainer(t, s.tag, m.name, strings.TrimSpace(string(root)))
		s.containers[m.name] = c
		prepare(t, c, packages)
	}
	s.plug(t)
	var booting sync.WaitGroup
	for _, c := range s.containers {
		booting.Go(func() {
			if err := c.boot(t); err != nil {
				t.Error(err)
			}
		})
	}
	booting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return s
}

// built are the packages for this machine's architecture.
func built(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../out/packages/*_" + strings.TrimSpace(command(t, "dpkg", "--print-architecture")) + ".deb")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// prepare lays the packages into a machine that is not booted yet, and for a kernel without ESP what strongSwan wants then. The
// document is for kernels that have it.
func prepare(t *testing.T, c *container, packages []string) {
	t.Helper()
	for _, file := range packages {
		command(t, "cp", file, filepath.Join(c.root(), "root/"))
	}
	lay(t, c, "etc/hostname", c.name+"\n")
	command(t, "ip", "-n", c.tag, "link", "set", "lo", "up")
	if hasESP(c) {
		return
	}
	lay(t, c, "etc/strongswan.d/zz-laboratory.conf", `charon-systemd {
	load_modular = no
	load = random nonce aes gcm sha1 sha2 hmac kdf gmp curve25519 openssl pem pkcs1 pkcs8 pubkey x509 constraints kernel-libipsec kernel-netlink socket-default vici
	install_virtual_ip = no
	routing_table = 4135
	routing_table_prio = 32770
	plugins {
		kernel-libipsec {
			load = yes
			allow_peer_ts = yes
		}
		kernel-netlink {
			fwmark = !0x42
		}
		socket-default {
			fwmark = 0x42
		}
	}
}
`)
	for _, rule := range []string{"135", "udp dport 4551", "udp sport 4551", "tcp dport 4551", "tcp sport 4551"} {
		command(t, strings.Fields("ip -n "+c.tag+" -6 rule add pref 50 ipproto "+rule+" lookup 4135")...)
	}
}

// hasESP asks the kernel, in a machine's namespace, for a state.
func hasESP(c *container) bool {
	state := strings.Fields("ip -n " + c.tag + " xfrm state add src 2001:db8::1 dst 2001:db8::2 proto esp spi 0x1000 mode transport")
	if exec.Command(state[0], append(state[1:], "aead", "rfc4106(gcm(aes))", "0x"+strings.Repeat("00", 20), "128")...).Run() != nil {
		return false
	}
	return exec.Command("ip", "-n", c.tag, "xfrm", "state", "flush").Run() == nil
}

// lay puts a file into a machine that is not booted yet.
func lay(t *testing.T, c *container, path, content string) {
	t.Helper()
	path = filepath.Join(c.root(), path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// plug makes switches in a namespace of their own, and cables from there to the machines.
func (s *site) plug(t *testing.T) {
	t.Helper()
	cables := "nd" + s.tag + "cables"
	command(t, "ip", "netns", "add", cables)
	t.Cleanup(func() { command(t, "ip", "netns", "del", cables) })
	inside := func(arguments string) { command(t, strings.Fields("ip -n "+cables+" "+arguments)...) }
	for _, name := range []string{"core", "mag1", "mag2"} {
		// A switch passes EAPOL on (group_fwd_mask 8), which a bridge would keep for itself.
		inside("link add " + name + " type bridge mcast_snooping 0 group_fwd_mask 8")
		inside("link set " + name + " up")
	}
	for _, m := range machines {
		for i, plugged := range []string{m.core, m.cell} {
			if plugged == "" {
				continue
			}
			inside(fmt.Sprintf("link add %s%d type veth peer name eth%[2]d netns %s", m.name, i, s.containers[m.name].tag))
			inside(fmt.Sprintf("link set %s%d master %s up", m.name, i, plugged))
		}
	}
}

// carry takes the laptop's cable to another gateway.
func (s *site) carry(t *testing.T, gateway string) {
	t.Helper()
	for _, step := range []string{"down", "master " + gateway, "up"} {
		command(t, strings.Fields("ip -n nd"+s.tag+"cables link set laptop0 "+step)...)
	}
}

func stderr(err error) string {
	if failed, ok := err.(*exec.ExitError); ok {
		return string(failed.Stderr)
	}
	return ""
}
