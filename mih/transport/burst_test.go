package transport

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestWhatTheKernelDropsIsCounted: more than the socket's buffer holds, while nobody reads.
func TestWhatTheKernelDropsIsCounted(t *testing.T) {
	a, b := listen(t, a6), listen(t, b6)
	const count = 3000
	for range count {
		mustSend(t, a, to(b6, UDP), message(9000, 1))
	}
	received := collect(t, b)
	eventually(t, "all are received or counted", func() bool {
		_ = a.Send(to(b6, UDP), message(8, 2)) // the kernel reports its count with the next that it queues
		got := b.Status().Counters
		return got.KernelDrops > 0 && uint64(len(received))+got.KernelDrops >= count
	})
}

// TestNoise: nothing that anybody sends disturbs the exchange of others.
func TestNoise(t *testing.T) {
	a, b := listen(t, a6), open(t, Config{Addresses: []netip.Addr{b6}, MaximumFromAddress: 1000})
	received := collect(t, a)
	echo(t, b)
	random := rand.NewChaCha8([32]byte{})
	for range 200 {
		conn := dialPlain(t, a6, b6)
		octets := make([]byte, 1+random.Uint64()%3000)
		_, _ = random.Read(octets)
		_, _ = conn.Write(octets)
		conn.Close()
	}
	for _, protocol := range []Protocol{UDP, TCP} {
		mustSend(t, a, to(b6, protocol), message(77, 1))
		for { // what looked like a message in the noise was answered too
			if p := next(t, received); bytes.Equal(p.Payload, message(77, 1)) {
				break
			}
		}
	}
}
