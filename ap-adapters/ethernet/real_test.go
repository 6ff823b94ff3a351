package ethernet

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/packet"

	"netlmm/internal/netnstest"
)

// lab is a bridge of the kernel with two ports; what is sent at far1 and far2 arrives there.
func lab(t *testing.T) {
	t.Helper()
	run(t, "ip link add br0 type bridge ageing_time 30000", "ip link set br0 up",
		"sysctl -qw net.ipv6.conf.default.disable_ipv6=1", // the far ends say nothing of their own
		"ip link add p1 type veth peer name far1", "ip link add p2 type veth peer name far2",
		"ip link set p1 master br0", "ip link set p2 master br0",
		"ip link set p1 up", "ip link set p2 up", "ip link set far1 up", "ip link set far2 up")
	t.Cleanup(func() { run(t, "ip link del p1", "ip link del p2", "ip link del br0") })
}

func run(t *testing.T, lines ...string) {
	t.Helper()
	if err := netnstest.Commands(lines...); err != nil {
		t.Fatal(err)
	}
}

var everybody = &packet.Addr{HardwareAddr: net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}

// frames opens a far end for sending.
func frames(t *testing.T, far string) *packet.Conn {
	t.Helper()
	iface, err := net.InterfaceByName(far)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := packet.Listen(iface, packet.Raw, 0x88b5, nil) // IEEE Std 802 local experimental
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// stationFrame is one that a station sends to everybody.
func stationFrame(station byte) []byte {
	frame := append(slices.Clone(everybody.HardwareAddr), 2, 0, 0, 0, 0, station, 0x88, 0xb5)
	return append(frame, make([]byte, 46)...)
}

// appear sends a frame of a station.
func appear(t *testing.T, far string, station byte) {
	t.Helper()
	conn := frames(t, far)
	defer conn.Close()
	if _, err := conn.WriteTo(stationFrame(station), everybody); err != nil {
		t.Fatal(err)
	}
}

func known(t *testing.T, b Bridge) *running {
	t.Helper()
	r := start(t, Config{Bridges: []Bridge{b}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	eventually(t, "the bridge is known", func() bool { return r.Status().Peers[0].Connected })
	return r
}

func TestRealBridge(t *testing.T) {
	lab(t)
	r := known(t, Bridge{Bridge: "br0"})
	r.appears("far1", 1)
	r.appears("far2", 2)
	r.appears("far2", 3)
	r.expect("01@br0", "02@br0", "03@br0")
	run(t, "ip link set far2 down") // p2 loses its carrier
	r.expect("01@br0")
	run(t, "ip link set far2 up")
	r.appears("far2", 2)
	run(t, "bridge fdb del 02:00:00:00:00:01 dev p1 master")
	r.expect("02@br0")
	appear(t, "far1", 2) // moves to the other port
	appear(t, "far1", 4)
	r.expect("02@br0", "04@br0")
	run(t, "ip link set p1 nomaster")
	r.expect()
	run(t, "ip link set p1 master br0", "bridge fdb add 02:00:00:00:00:07 dev p1 master static") // which says nothing of who is there
	r.appears("far1", 5)
	r.expect("05@br0")
}

func TestRealBridgeComesAndGoes(t *testing.T) {
	lab(t)
	seen := known(t, Bridge{Bridge: "br0"}) // which says that the port forwards
	seen.appears("far1", 1)
	r := known(t, Bridge{Bridge: "br0", Interface: "acc0"})
	r.expect("01@acc0")
	if last, _ := r.latest(); !last.Resync {
		t.Error("a station that was there before is not said to be from a list")
	}
	run(t, "ip link del br0")
	r.expect()
	eventually(t, "the loss is seen", func() bool { return !r.Status().Peers[0].Connected })
	run(t, "ip link add br0 type bridge", "ip link set br0 up", "ip link set p1 master br0", "ip link set p2 master br0")
	r.appears("far2", 2)
	r.expect("02@acc0")
}

// TestRealPortsComeUpUnderTraffic: what a bridge learns at a port may be told before the port's carrier.
func TestRealPortsComeUpUnderTraffic(t *testing.T) {
	const ports = 40
	run(t, "ip link add br0 type bridge ageing_time 30000", "ip link set br0 up", "sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
	t.Cleanup(func() { run(t, "ip link del br0") })
	for i := range ports {
		run(t, fmt.Sprintf("ip link add p%d type veth peer name far%d", i, i), fmt.Sprintf("ip link set p%d master br0 up", i))
		t.Cleanup(func() { run(t, fmt.Sprintf("ip link del p%d", i)) })
	}
	r := start(t, Config{Bridges: []Bridge{{Bridge: "br0"}}, ResyncInterval: time.Hour, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	eventually(t, "the bridge is known", func() bool { return r.Status().Peers[0].Connected })
	var talk sync.WaitGroup
	defer talk.Wait()
	for i := range ports {
		run(t, fmt.Sprintf("ip link set far%d up", i))
		conn, broadcast := frames(t, fmt.Sprintf("far%d", i)), stationFrame(byte(i))
		talk.Go(func() {
			defer conn.Close()
			for end := time.Now().Add(patience); !r.has(byte(i)) && time.Now().Before(end); time.Sleep(500 * time.Microsecond) { // the port is to forward first
				_, _ = conn.WriteTo(broadcast, everybody)
			}
		})
	}
	eventually(t, "all stations are up", func() bool { return r.Status().Peers[0].Stations == ports })
}

func (r *running) has(station byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, up := r.up[host(station)]
	return up
}

// appears sends frames of a station until it is up: the port may take a moment to forward.
func (r *running) appears(far string, station byte) {
	r.t.Helper()
	eventually(r.t, "a station is up", func() bool {
		appear(r.t, far, station)
		return r.has(station)
	})
}
