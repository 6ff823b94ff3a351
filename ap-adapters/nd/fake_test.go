package nd

import (
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"

	"netlmm/ap-adapters/adaptertest"
	"netlmm/mih"
)

var (
	gateway    = [6]byte{2, 0, 0x5e, 0xff, 0, 1}
	allRouters = netip.MustParseAddr("ff02::2")
	linkLocal  = netip.MustParseAddr("fe80::1")
)

// fakeLink is a link whose hosts are the test's.
type fakeLink struct {
	t testing.TB

	mu    sync.Mutex
	up    bool
	port  *fakePort
	hosts map[[6]byte]bool // those that are there
	mute  bool
	asked map[[6]byte]int
}

// fakePort is the adapter's end while the link is up.
type fakePort struct {
	link   *fakeLink
	frames chan []byte
	gone   chan struct{}
	once   sync.Once
}

func newFakeLink(t testing.TB) *fakeLink {
	return &fakeLink{t: t, up: true, hosts: map[[6]byte]bool{}, asked: map[[6]byte]int{}}
}

func (f *fakeLink) open(string) (port, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.up {
		return nil, unix.ENODEV
	}
	f.port = &fakePort{link: f, frames: make(chan []byte, 20_000), gone: make(chan struct{})}
	return f.port, nil
}

func (p *fakePort) read(buf []byte) (int, error) {
	select {
	case frame := <-p.frames:
		return copy(buf, frame), nil
	case <-p.gone:
		return 0, unix.ENETDOWN
	}
}

// write is a probe, which a host that is there answers.
func (p *fakePort) write(frame []byte, to [6]byte) error {
	f := p.link
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked[to]++
	if f.hosts[to] && binary.BigEndian.Uint16(frame[12:]) == etherTypeIPv6 {
		target := netip.AddrFrom16([16]byte(frame[ethernetHeader+ipv6Header+8:]))
		f.say(discovery(to, target, linkLocal, &ndp.NeighborAdvertisement{Solicited: true, Override: true, TargetAddress: target}))
	}
	return nil
}

func (p *fakePort) linkLayer() [6]byte                        { return gateway }
func (p *fakePort) addresses() (linkLocalOf, ipv4 netip.Addr) { return linkLocal, netip.Addr{} }
func (p *fakePort) lost() uint64                              { return 0 }
func (p *fakePort) close()                                    { p.once.Do(func() { close(p.gone) }) }

// say puts a frame on the link, for who holds the lock.
func (f *fakeLink) say(frame []byte) {
	if f.up && !f.mute && f.port != nil {
		select {
		case f.port.frames <- frame:
		default: // a queue of the kernel's is as bounded
		}
	}
}

func (f *fakeLink) send(frames ...[]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, frame := range frames {
		f.say(frame)
	}
}

// probes is how often a host was asked.
func (f *fakeLink) probes(host [6]byte) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[host]
}

func (f *fakeLink) Attach(station mih.LinkAddress) {
	mac, _ := station.MAC()
	f.mu.Lock()
	f.hosts[mac] = true
	f.mu.Unlock()
	f.send(solicits(mac))
}

// Detach: a host that leaves says nothing.
func (f *fakeLink) Detach(station mih.LinkAddress) {
	mac, _ := station.MAC()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.hosts, mac)
}

func (f *fakeLink) Repeat(station mih.LinkAddress) {
	mac, _ := station.MAC()
	f.mu.Lock()
	here := f.hosts[mac]
	f.mu.Unlock()
	if here {
		f.send(solicits(mac))
	}
}

func (f *fakeLink) Mute(mute bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mute = mute
}

func (f *fakeLink) Garbage() {
	f.send(nil, []byte{1}, make([]byte, 60), solicits([6]byte{1, 2, 3, 4, 5, 6}), solicits(gateway), solicits([6]byte{2, 9})[:40])
}

func (f *fakeLink) Stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.up = false
	clear(f.hosts)
	if f.port != nil {
		f.port.close()
	}
}

func (f *fakeLink) Start() {
	f.mu.Lock()
	before := f.port
	f.up = true
	f.mu.Unlock()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) { // hosts notice a link that is up
		f.mu.Lock()
		opened := f.port != before
		f.mu.Unlock()
		if opened {
			return
		}
	}
	f.t.Error("the link is not opened again")
}

// Frames of hosts.

func frameOf(mac [6]byte, etherType uint16, payload []byte) []byte {
	return append(ethernet(mac, [6]byte{0x33, 0x33}, etherType), payload...)
}

func ipv6Packet(next, hopLimit byte, source, destination netip.Addr, body []byte) []byte {
	packet := binary.BigEndian.AppendUint16([]byte{6 << 4, 0, 0, 0}, uint16(len(body)))
	packet = append(packet, next, hopLimit)
	return append(append(append(packet, source.AsSlice()...), destination.AsSlice()...), body...)
}

func discovery(mac [6]byte, source, destination netip.Addr, message ndp.Message) []byte {
	body, err := ndp.MarshalMessageChecksum(message, source, destination)
	if err != nil {
		panic(err)
	}
	return frameOf(mac, etherTypeIPv6, ipv6Packet(unix.IPPROTO_ICMPV6, 255, source, destination, body))
}

func solicits(mac [6]byte) []byte {
	return discovery(mac, derived(mac), allRouters, &ndp.RouterSolicitation{})
}

// report is a Multicast Listener Report of version 2 with one record.
func report(mac [6]byte, record byte) []byte {
	body := []byte{143, 0, 0, 0, 0, 0, 0, 1, record, 0, 0, 0, 0xff, 2, 15: 0, 16: 0, 27: 0xfb}
	source, group := derived(mac), netip.MustParseAddr("ff02::16")
	addresses := append(source.AsSlice(), group.AsSlice()...)
	binary.BigEndian.PutUint16(body[2:], checksum(addresses, body))
	return frameOf(mac, etherTypeIPv6, ipv6Packet(unix.IPPROTO_HOPOPTS, 1, source, group, append([]byte{unix.IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0}, body...)))
}

func datagram(port uint16, payload []byte) []byte {
	body := binary.BigEndian.AppendUint16([]byte{0, 68}, port)
	body = binary.BigEndian.AppendUint16(body, uint16(udpHeader+len(payload)))
	return append(append(body, 0, 0), payload...)
}

func dhcp4(mac [6]byte, modifiers ...dhcpv4.Modifier) []byte {
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(net.HardwareAddr(mac[:]))}, modifiers...)...)
	if err != nil {
		panic(err)
	}
	body := datagram(portDHCPv4, m.ToBytes())
	packet := binary.BigEndian.AppendUint16([]byte{0x45, 0}, uint16(ipv4Header+len(body)))
	packet = append(packet, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255)
	return frameOf(mac, etherTypeIPv4, append(packet, body...))
}

func dhcp6(mac [6]byte, kind dhcpv6.MessageType) []byte {
	m, err := dhcpv6.NewMessage()
	if err != nil {
		panic(err)
	}
	m.MessageType = kind
	return frameOf(mac, etherTypeIPv6, ipv6Packet(unix.IPPROTO_UDP, 1, derived(mac), netip.MustParseAddr("ff02::1:2"), datagram(portDHCPv6, m.ToBytes())))
}

func (f *fakeLink) config(l Link) Config {
	l.Interface = "acc0"
	return Config{Links: []Link{l}, open: f.open, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func TestContract(t *testing.T) {
	adaptertest.Test(t, func(t *testing.T) adaptertest.Bench {
		f := newFakeLink(t)
		cfg := f.config(Link{StationsPerSecond: 10_000, IdleTime: time.Second, ProbeInterval: 500 * time.Millisecond})
		cfg.probesPerSecond = 100_000
		a, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return adaptertest.Bench{Adapter: a, AccessPoint: f, Fades: true, Maximum: 4096, Overflow: evicted,
			Garbled: []string{"ignored_truncated", "ignored_not_for_us", "ignored_wrong_link_layer_address"}}
	})
}
