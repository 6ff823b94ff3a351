package daemon

import (
	"testing"

	"netlmm/internal/netnstest"
)

// TestMain runs in a network namespace of its own: what tests lock is nobody else's.
func TestMain(m *testing.M) {
	netnstest.Main(m, func() error { return netnstest.Commands("ip link set lo up") })
}
