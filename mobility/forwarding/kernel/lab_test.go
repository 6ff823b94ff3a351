package kernel

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/hold"
)

// The laboratory: CN - LMA - core switch - MAG1, MAG2 - MN1 and MN2, each with an interface to either MAG.
const (
	lmaAddr  = "2001:db8:c::1"
	mag1Addr = "2001:db8:c::11"
	mag2Addr = "2001:db8:c::12"
	evilAddr = "2001:db8:c::66" // a host in the core that is nobody's peer
	cnAddr   = "2001:db8:f::2"
	hnp1     = "2001:db8:100:1::/64"
	hnp2     = "2001:db8:100:2::/64"
	mn1Addr  = "2001:db8:100:1::5"
	mn2Addr  = "2001:db8:100:2::5"
	pool     = "2001:db8:100::/48"
	magLL    = "fe80::200:5eff:fe00:5213"
)

var labs atomic.Int32

// lab is a set of network namespaces of one test.
type lab struct {
	t      testing.TB
	prefix string
}

// space is one network namespace.
type space struct {
	*lab
	name string
}

func newLab(t testing.TB, names ...string) *lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test makes network namespaces: run it as root")
	}
	for tool, pkg := range map[string]string{"ip": "iproute2", "ping": "iputils-ping", "nft": "nftables"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is missing: apt-get install %s", tool, pkg)
		}
	}
	l := &lab{t: t, prefix: fmt.Sprintf("fwk%d-%d-", os.Getpid(), labs.Add(1))}
	for _, n := range names {
		name := l.prefix + n
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
		l.host("ip netns add " + name)
		// addr_gen_mode and DAD: addresses must be usable at once, and no host may send what the test did not ask for.
		l.space(n).sh("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.addr_gen_mode=1; ip link set lo up")
	}
	return l
}

func (l *lab) host(command string) string {
	l.t.Helper()
	out, err := exec.Command("sh", "-ec", command).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

func (l *lab) space(name string) space { return space{l, l.prefix + name} }

// sh runs a shell script in the namespace.
func (s space) sh(script string) string {
	s.t.Helper()
	out, err := s.try(script)
	if err != nil {
		s.t.Fatalf("in %s: %s: %v\n%s", s.name, script, err, out)
	}
	return out
}

func (s space) try(script string) (string, error) {
	out, err := exec.Command("ip", "netns", "exec", s.name, "sh", "-ec", script).CombinedOutput()
	return string(out), err
}

// wire joins two namespaces by a pair of interfaces.
func (l *lab) wire(a, aName, b, bName string) {
	l.t.Helper()
	l.host(fmt.Sprintf("ip link add %s netns %s type veth peer name %s netns %s; ip -n %s link set %s up; ip -n %s link set %s up",
		aName, l.prefix+a, bName, l.prefix+b, l.prefix+a, aName, l.prefix+b, bName))
}

// run calls f with the thread in the namespace.
func (s space) run(f func()) {
	s.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := netns.GetFromName(s.name)
		if err == nil {
			defer ns.Close()
			err = netns.Set(ns)
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		s.t.Fatalf("enter %s: %v", s.name, err)
	}
}

func (s space) open(cfg Config) *Kernel {
	s.t.Helper()
	var k *Kernel
	var err error
	s.run(func() { k, err = Open(cfg) })
	if err != nil {
		s.t.Fatalf("Open in %s: %v", s.name, err)
	}
	return k
}

// router is a MAG or an LMA of the laboratory.
type router struct {
	space
	cfg    Config
	kernel *Kernel
	state  *forwarding.State
	rec    *forwarding.Reconciler
	holder *hold.Holder // nil in most tests
}

// start opens the data plane and resynchronizes it, as a daemon does.
func (r *router) start() {
	r.t.Helper()
	r.kernel = r.open(r.cfg)
	r.rec = forwarding.New(r.kernel)
	r.resync()
}

func (r *router) resync() {
	r.t.Helper()
	if err := r.rec.Resync(r.state); err != nil {
		r.t.Fatalf("Resync in %s: %v", r.name, err)
	}
}

func (r *router) sync() {
	r.t.Helper()
	if err := r.rec.Sync(r.state); err != nil {
		r.t.Fatalf("Sync in %s: %v", r.name, err)
	}
}

// domain is the whole laboratory.
type domain struct {
	*lab
	lma, mag1, mag2    *router
	cn, mn1, mn2, evil space
}

func newDomain(t testing.TB) *domain {
	t.Helper()
	l := newLab(t, "cn", "lma", "sw", "mag1", "mag2", "mn1", "mn2", "evil")
	d := &domain{lab: l, cn: l.space("cn"), mn1: l.space("mn1"), mn2: l.space("mn2"), evil: l.space("evil")}
	l.wire("cn", "eth0", "lma", "net0")
	l.space("sw").sh("ip link add br0 type bridge mcast_snooping 0; ip link set br0 up")
	for _, n := range []string{"lma", "mag1", "mag2", "evil"} {
		l.wire(n, "core0", "sw", n)
		l.space("sw").sh("ip link set " + n + " master br0")
		l.space(n).sh("ip link set core0 addrgenmode eui64 down; ip link set core0 up")
	}
	for _, n := range []string{"mag1", "mag2"} {
		for i, m := range []string{"mn1", "mn2"} {
			l.wire(n, fmt.Sprintf("acc%d", i+1), m, "to"+n)
			l.space(n).sh(fmt.Sprintf("ip addr add %s/64 dev acc%d nodad", magLL, i+1))
			l.space(m).sh("ip addr add fe80::5/64 dev to" + n + " nodad")
		}
		l.space(n).sh("ip -6 route add default via " + lmaAddr + " dev core0 onlink")
	}
	d.cn.sh("ip addr add fe80::2/64 dev eth0 nodad; ip addr add " + cnAddr + "/64 dev eth0 nodad; ip -6 route add default via 2001:db8:f::1")
	d.evil.sh("ip addr add " + evilAddr + "/64 dev core0 nodad")
	l.space("lma").sh("ip addr add 2001:db8:f::1/64 dev net0 nodad; ip addr add fe80::1/64 dev net0 nodad")
	d.lma = d.router("lma", lmaAddr, forwarding.Anchor)
	d.mag1 = d.router("mag1", mag1Addr, forwarding.Gateway)
	d.mag2 = d.router("mag2", mag2Addr, forwarding.Gateway)
	return d
}

func (d *domain) router(name, addr string, role forwarding.Role) *router {
	s := d.space(name)
	s.sh("ip addr add " + addr + "/64 dev core0 nodad")
	cfg := Config{Local: netip.MustParseAddr(addr), Role: role}
	if role == forwarding.Anchor {
		cfg.Aggregates = []netip.Prefix{netip.MustParsePrefix(pool)}
	} else {
		cfg.AccessInterfaces = []string{"acc1", "acc2"}
	}
	return &router{space: s, cfg: cfg, state: forwarding.NewState()}
}

func (d *domain) start() {
	d.lma.start()
	d.mag1.start()
	d.mag2.start()
}

// attach binds the mobile node at a MAG, in the state of MAG and LMA and on the node itself.
func (d *domain) attach(mn space, hnp, addr, access string, mag *router) {
	d.t.Helper()
	p := netip.MustParsePrefix(hnp)
	d.lma.state.Set(forwarding.Entry{Prefix: p, Role: forwarding.Anchor, Local: d.lma.cfg.Local, Peer: mag.cfg.Local})
	d.lma.sync()
	dev := "to" + strings.TrimPrefix(mag.name, d.prefix)
	mag.state.Set(forwarding.Entry{Prefix: p, Role: forwarding.Gateway, Local: mag.cfg.Local, Peer: d.lma.cfg.Local,
		Interface: access, MobileNodeLinkLayerID: mobility.LinkLayerID(mn.mac(dev))})
	mag.sync()
	mn.sh("ip addr flush scope global; ip -6 route flush default 2>/dev/null || true; ip addr add " + addr + "/64 dev " + dev + " nodad; ip -6 route add default via " + magLL + " dev " + dev)
}

func (d *domain) detach(hnp string, mag *router) {
	mag.state.Delete(netip.MustParsePrefix(hnp))
	mag.sync()
}

// reaches polls until a ping gets through.
func (s space) reaches(target string) {
	s.t.Helper()
	var out string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		var err error
		if out, err = s.try("ping -n -c 1 -W 1 " + target); err == nil {
			return
		}
	}
	s.t.Errorf("%s does not reach %s:\n%s", s.name, target, out)
}

// silent expects that no ping gets through.
func (s space) silent(target string) {
	s.t.Helper()
	if out, err := s.try("ping -n -c 2 -i 0.2 -W 1 " + target); err == nil {
		s.t.Errorf("%s reaches %s and must not:\n%s", s.name, target, out)
	}
}
