package kernel

import (
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// benchAnchor is an anchor on the real kernel with n entries at two MAGs.
func benchAnchor(b *testing.B, n int) (*Kernel, func(i, mag int) forwarding.Change) {
	b.Helper()
	l := newLab(b, "lma")
	s := l.space("lma")
	s.sh("ip link add core0 type veth peer name far; ip link set core0 up; ip link set far up; ip addr add " + lmaAddr + "/64 dev core0 nodad")
	k := s.open(Config{Backend: SEG6, Local: netip.MustParseAddr(lmaAddr), Role: forwarding.Anchor})
	b.Cleanup(func() { _ = k.Close(true) })
	change := func(i, mag int) forwarding.Change {
		p := netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x:%x::/64", 0x100+i>>16, i&0xffff))
		return forwarding.Change{Prefix: p, Entry: forwarding.Entry{Prefix: p, Role: forwarding.Anchor,
			Local: k.layout.Local, Peer: netip.MustParseAddr([]string{mag1Addr, mag2Addr}[mag])}}
	}
	var all []forwarding.Change
	for i := range n {
		all = append(all, change(i, i&1))
	}
	apply(b, k, all)
	return k, change
}

// processor reports the processor time an operation takes, the kernel's included: on a busy machine it says more than the clock.
func processor(b *testing.B) func() {
	begin := used(b)
	return func() { b.ReportMetric(float64(used(b)-begin)/float64(b.N), "cpu-ns/op") }
}

func used(b *testing.B) int64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func apply(b *testing.B, k *Kernel, changes []forwarding.Change) {
	for _, err := range k.Apply(changes) {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHandover is one prefix that moves between two MAGs, one Apply each.
func BenchmarkHandover(b *testing.B) {
	for _, n := range []int{10, 10000} {
		b.Run(fmt.Sprintf("entries=%d", n), func(b *testing.B) {
			k, change := benchAnchor(b, n)
			b.ResetTimer()
			defer processor(b)()
			for i := range b.N {
				apply(b, k, []forwarding.Change{change(1, i&1)})
			}
		})
	}
}

// BenchmarkRegistration is new prefixes, in one Apply for a batch; the figure is per prefix.
func BenchmarkRegistration(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			k, change := benchAnchor(b, 10)
			registerAll(b, size, k, change)
		})
	}
}

func registerAll(b *testing.B, size int, k *Kernel, change func(i, mag int) forwarding.Change) {
	b.ResetTimer()
	defer processor(b)()
	for i := 0; i < b.N; i += size {
		var batch []forwarding.Change
		for j := range size {
			batch = append(batch, change(100+i+j, 0))
		}
		apply(b, k, batch)
	}
}

// BenchmarkRegistrationAtGateway is the other end.
func BenchmarkRegistrationAtGateway(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			l := newLab(b, "mag")
			s := l.space("mag")
			s.sh("for i in core0 acc1; do ip link add $i type veth peer name far-$i; ip link set $i up; ip link set far-$i up; done; ip addr add " + mag1Addr + "/64 dev core0 nodad")
			k := s.open(Config{Local: netip.MustParseAddr(mag1Addr), Role: forwarding.Gateway, AccessInterfaces: []string{"acc1"}})
			b.Cleanup(func() { _ = k.Close(true) })
			registerAll(b, size, k, func(i, _ int) forwarding.Change {
				p := netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x:%x::/64", 0x100+i>>16, i&0xffff))
				return forwarding.Change{Prefix: p, Entry: forwarding.Entry{Prefix: p, Role: forwarding.Gateway, Local: k.layout.Local,
					Peer: netip.MustParseAddr(lmaAddr), Interface: "acc1", MobileNodeLinkLayerID: mobility.LinkLayerID([6]byte{2, 0, byte(i >> 16), byte(i >> 8), byte(i)})}}
			})
		})
	}
}

// BenchmarkResync is the full comparison with the kernel when nothing is amiss.
func BenchmarkResync(b *testing.B) {
	const n = 10000
	k, change := benchAnchor(b, n)
	state, rec := forwarding.NewState(), forwarding.New(k)
	for i := range n {
		state.Set(change(i, i&1).Entry)
	}
	b.ResetTimer()
	defer processor(b)()
	for range b.N {
		if err := rec.Resync(state); err != nil {
			b.Fatal(err)
		}
	}
	if m := rec.Status().Mended; m != 0 {
		b.Errorf("mended %d", m)
	}
}

// BenchmarkOffload is a home address that gets a policy, which the others have already, and loses it, one Apply each.
func BenchmarkOffload(b *testing.B) {
	for _, n := range []int{10, 1000} {
		for _, policy := range []mobility.OffloadPolicy{{}, web} {
			b.Run(fmt.Sprintf("entries=%d/offload=%v", n, !policy.IsZero()), func(b *testing.B) {
				k, change := benchOffload(b, n)
				b.ResetTimer()
				defer processor(b)()
				for range b.N {
					apply(b, k, []forwarding.Change{change(n, policy)})
					apply(b, k, []forwarding.Change{{Prefix: change(n, policy).Prefix}})
				}
			})
		}
	}
}

// benchOffload is a gateway on the real kernel with n home addresses that have a policy.
func benchOffload(b *testing.B, n int) (*Kernel, func(i int, p mobility.OffloadPolicy) forwarding.Change) {
	b.Helper()
	l := newLab(b, "mag")
	s := l.space("mag")
	s.sh("for i in core0 acc1; do ip link add $i type veth peer name far-$i; ip link set $i up; ip link set far-$i up; done; ip addr add " + mag1Addr + "/64 dev core0 nodad")
	k := s.open(Config{Local: netip.MustParseAddr(mag1Addr), Role: forwarding.Gateway, AccessInterfaces: []string{"acc1"}, IPv4: true, Offload: true})
	b.Cleanup(func() { _ = k.Close(true) })
	change := func(i int, policy mobility.OffloadPolicy) forwarding.Change {
		p := host(netip.AddrFrom4([4]byte{10, 64, byte(i >> 8), byte(i)}))
		return forwarding.Change{Prefix: p, Entry: forwarding.Entry{Prefix: p, Role: forwarding.Gateway, Local: k.layout.Local, Peer: netip.MustParseAddr(lmaAddr),
			Interface: "acc1", MobileNodeLinkLayerID: mobility.LinkLayerID([6]byte{2, 0, 0, byte(i >> 8), byte(i)}), Offload: policy}}
	}
	var all []forwarding.Change
	for i := range n {
		all = append(all, change(i, web))
	}
	apply(b, k, all)
	return k, change
}
