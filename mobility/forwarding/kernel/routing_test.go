package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	farAddr = "2001:db8:e::2" // a host behind a router of the network that knows nothing of the anchor but what that announces
	far4    = "203.0.113.2"
)

// neighbourBird is the other router's configuration: it announces its own links.
const neighbourBird = `
router id 192.0.2.254;
protocol device {
}
protocol direct {
	ipv6;
	ipv4;
}
protocol kernel kernel_ipv6 {
	ipv6 { export where proto = "ospf_ipv6"; };
}
protocol kernel kernel_ipv4 {
	ipv4 { export where proto = "ospf_ipv4"; };
}
protocol ospf v3 ospf_ipv6 {
	ipv6 { export where source = RTS_DEVICE; };
	area 0 { interface "eth0" { hello 2; dead 8; type pointopoint; }; };
}
protocol ospf v2 ospf_ipv4 {
	ipv4 { export where source = RTS_DEVICE; };
	area 0 { interface "eth0" { hello 2; dead 8; type pointopoint; }; };
}
`

// bird runs BIRD in the namespace until the test ends.
func (s space) bird(config string) {
	s.t.Helper()
	program, err := exec.LookPath("bird")
	if err != nil {
		program = "/usr/sbin/bird"
		if _, err := os.Stat(program); err != nil {
			s.t.Fatal("bird is missing: apt-get install bird2")
		}
	}
	dir := s.t.TempDir()
	file := filepath.Join(dir, "bird.conf")
	if err := os.WriteFile(file, []byte("log stderr all;\n"+config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", s.name, program, "-f", "-c", file, "-s", filepath.Join(dir, "bird.ctl"))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("bird in %s:\n%s", s.name, said.String())
		}
	})
}

// has polls until the answer to a command has text in it, or has not.
func (s space) has(command, text string, want bool) {
	s.t.Helper()
	var out string
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if out = s.sh(command); strings.Contains(out, text) == want {
			return
		}
	}
	s.t.Fatalf("%s, in %s: has %q: %v, want %v:\n%s", command, s.name, text, !want, want, out)
}

// RFC 5213 section 5.6.2, RFC 5844 section 3.1.3: the anchor advertises a route for the home network prefixes and the home addresses, or an
// aggregate of them. It does so by a routing daemon, which takes the pools from the kernel; the configuration is the
// one that is shipped.
func TestRoutingDaemonAdvertisesThePools(t *testing.T) {
	t.Parallel()
	shipped, err := os.ReadFile("../../../configs/examples/lmad-bird.conf")
	if err != nil {
		t.Fatal(err)
	}
	d := newDualDomain(t)
	more := newLab(t, "rt", "far")
	rt, far := more.space("rt"), more.space("far")
	d.host("ip link add net1 netns " + d.lma.name + " type veth peer name eth0 netns " + rt.name)
	more.wire("rt", "eth1", "far", "eth0")
	d.lma.sh("ip link set net1 up; ip addr add fe80::1/64 dev net1 nodad; ip addr add 192.0.2.129/30 dev net1")
	rt.sh("sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1; ip link set eth0 up; ip addr add fe80::2/64 dev eth0 nodad; ip addr add 192.0.2.130/30 dev eth0; " +
		"ip addr add fe80::1/64 dev eth1 nodad; ip addr add 2001:db8:e::1/64 dev eth1 nodad; ip addr add 203.0.113.1/24 dev eth1")
	far.sh("ip addr add fe80::2/64 dev eth0 nodad; ip addr add " + farAddr + "/64 dev eth0 nodad; ip -6 route add default via 2001:db8:e::1; ip addr add " + far4 + "/24 dev eth0; ip route add default via 203.0.113.1")
	ours := strings.NewReplacer("2001:db8:1000::/40", pool, "10.64.0.0/16", poolIPv4, `"eth0"`, `"net1"`)
	d.lma.bird(ours.Replace(string(shipped)))
	rt.bird(neighbourBird)
	d.lma.has("ip -6 route show 2001:db8:e::/64", "proto bird", true) // the two have met
	d.lma.has("ip route show 203.0.113.0/24", "proto bird", true)
	rt.has("ip -6 route show "+pool, "proto bird", false) // nobody serves it yet

	d.start()
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag1, false)
	rt.has("ip -6 route show "+pool, "via fe80::1 dev eth0 proto bird", true)
	rt.has("ip route show "+poolIPv4, "via 192.0.2.129 dev eth0 proto bird", true)
	for _, to := range []string{mn1Addr, mn1Home} {
		far.reaches(to)
	}
	d.mn1.reaches(farAddr)
	d.mn1.reaches(far4)
	d.attachDual(d.mn1, hnp1, mn1Addr, mn1Home, "acc1", d.mag2, false) // of which routing hears nothing
	far.reaches(mn1Addr)
	far.reaches(mn1Home)
	if out := rt.sh("ip -6 route show root 2001:db8:100::/40; ip route show root 10.64.0.0/16"); strings.Count(out, "proto bird") != 2 {
		t.Errorf("other routes than those of the two pools were announced:\n%s", out)
	}
	// A daemon that learns routes must leave them alone, and those that it makes are not ours.
	d.lma.resync()
	if m := d.lma.rec.Status().Mended; m != 0 {
		t.Errorf("%d entries were installed again although they stood", m)
	}

	// An anchor that ends serves the pools no more.
	if err := d.lma.kernel.Close(false); err != nil {
		t.Fatal(err)
	}
	rt.has("ip -6 route show "+pool, "proto bird", false)
	rt.has("ip route show "+poolIPv4, "proto bird", false)
}
