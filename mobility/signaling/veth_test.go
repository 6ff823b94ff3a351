package signaling

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"netlmm/internal/netnstest"
)

// Two namespaces with a link between them: ours, and the far one of a MAG.
const (
	nearV6, farV6 = "2001:db8:1::b", "2001:db8:1::a"
	nearV4, farV4 = "192.0.2.2", "192.0.2.1"
)

// family is one transport over the link: addresses of the far and of our end.
type family struct {
	name      string
	far, near netip.Addr
}

var families = []family{
	{"IPv6", netip.MustParseAddr(farV6), netip.MustParseAddr(nearV6)},
	{"IPv4", netip.MustParseAddr(farV4), netip.MustParseAddr(nearV4)},
}

var serial int // of the far namespaces of this process; tests run one after the other

// newLink makes the far namespace; its name is the answer. It and the link go with the test.
func newLink(t testing.TB) (namespace string) {
	t.Helper()
	serial++
	namespace = fmt.Sprintf("sig%d-%d", os.Getpid(), serial)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", namespace).Run() })
	for _, line := range []string{
		"ip netns add " + namespace,
		"ip link add core type veth peer name core netns " + namespace,
		"ip link set core up",
		"ip addr add " + nearV6 + "/64 dev core nodad",
		"ip addr add " + nearV4 + "/24 dev core",
		"ip -n " + namespace + " link set core up",
		"ip -n " + namespace + " addr add " + farV6 + "/64 dev core nodad",
		"ip -n " + namespace + " addr add " + farV4 + "/24 dev core",
	} {
		if err := netnstest.Command(line); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = exec.Command("ip", "link", "del", "core").Run() })
	return namespace
}

// listenAt listens as soon as the address is usable, in the namespace or, without a name, in our own.
func listenAt(t testing.TB, namespace string, addr netip.Addr) *Conn {
	t.Helper()
	return netnstest.Open(t, namespace, func() (*Conn, error) { return Listen(addr) })
}
