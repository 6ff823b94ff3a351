package discover

import (
	"context"
	"net/netip"
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

func addrs(texts ...string) (list []netip.Addr) {
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}
