package testbed

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// snapLength is how much of a frame the capture keeps: the longest Mobility Header (RFC 6275 section 6.1.1) fits.
const snapLength = 2200

// Capture listens to the core switch and sees each frame that it forwards once. It does not look at the mobile nodes' data
// in their tunnels.
type Capture struct {
	conn    *packet.Conn
	closing atomic.Bool
	done    sync.WaitGroup

	mu     sync.Mutex
	counts [frameClassCount]uint64
	lost   uint64
	first  [][]byte // of what was in clear and should not have been, as evidence
	pcap   *pcapgo.Writer
	file   *os.File
}

// Counts is what a Capture saw.
type Counts struct {
	ESP            uint64 `json:"esp_packets"`
	IKE            uint64 `json:"ike_packets"`
	MHInClear      uint64 `json:"mh_clear_packets"`
	MIHInClear     uint64 `json:"mih_clear_packets"`
	Truncated      uint64 `json:"truncated_packets"`
	DroppedByQueue uint64 `json:"dropped_by_capture"` // the kernel had no room for them: the other numbers are a lower bound
}

// StartCapture begins to capture on the core link. With a file name what it sees is written there for
// Wireshark.
func (d *Domain) StartCapture(file string) (*Capture, error) {
	c := &Capture{}
	if file != "" {
		out, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		c.file, c.pcap = out, pcapgo.NewWriter(out)
		if err := c.pcap.WriteFileHeader(snapLength, layers.LinkTypeEthernet); err != nil {
			return nil, errors.Join(err, out.Close())
		}
	}
	err := d.in(NodeCore, func() error {
		bridge, err := net.InterfaceByName(coreBridge)
		if err != nil {
			return err
		}
		return c.listen(bridge)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("capture on the core switch: %w", err), c.close())
	}
	return c, nil
}

// listen captures at the bridge, which in promiscuous mode gets a copy of each frame that it forwards, whatever its ports.
func (c *Capture) listen(bridge *net.Interface) error {
	filter, err := bpf.Assemble(incoming)
	if err != nil {
		return err
	}
	c.conn, err = packet.Listen(bridge, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filter})
	if err != nil {
		return err
	}
	if err := c.conn.SetPromiscuous(true); err != nil {
		return err
	}
	c.done.Add(1)
	go c.run()
	return nil
}

// run counts frames until the capture is closed.
func (c *Capture) run() {
	defer c.done.Done()
	buffer := make([]byte, snapLength)
	for {
		n, _, err := c.conn.ReadFrom(buffer)
		if c.closing.Load() {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // the bridge may be down for a moment
			continue
		}
		c.add(time.Now(), buffer[:n])
	}
}

// incoming passes IPv6 and IPv4 frames that the switch received, but for the mobile nodes' data right inside a tunnel header: there
// is a lot of it, and it is neither ESP nor of the control channel.
var incoming = []bpf.Instruction{
	bpf.LoadExtension{Num: bpf.ExtType},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipTrue: 9},
	bpf.LoadAbsolute{Off: 12, Size: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherTypeIPv6, SkipTrue: 3},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherTypeIPv4, SkipTrue: 6},
	bpf.LoadAbsolute{Off: ethernetHeader + 9, Size: 1},
	bpf.Jump{Skip: 1},
	bpf.LoadAbsolute{Off: ethernetHeader + 6, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_IPV6, SkipTrue: 2},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.IPPROTO_IPIP, SkipTrue: 1},
	bpf.RetConstant{Val: snapLength},
	bpf.RetConstant{Val: 0},
}

// add counts one frame.
func (c *Capture) add(at time.Time, frame []byte) {
	class := classify(frame)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[class]++
	if (class == frameMHInClear || class == frameMIHInClear) && len(c.first) < 4 {
		c.first = append(c.first, append([]byte{}, frame...))
	}
	if c.pcap != nil {
		_ = c.pcap.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame)}, frame)
	}
}

// Counts are the numbers so far.
func (c *Capture) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stats, err := c.conn.Stats(); err == nil { // reading resets the kernel's counter
		c.lost += uint64(stats.Drops)
	}
	return Counts{
		ESP: c.counts[frameESP], IKE: c.counts[frameIKE], MHInClear: c.counts[frameMHInClear], MIHInClear: c.counts[frameMIHInClear],
		Truncated: c.counts[frameTruncated], DroppedByQueue: c.lost,
	}
}

// InClear returns the first few frames with a Mobility Header or MIH in clear.
func (c *Capture) InClear() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first
}

// Stop ends the capture and returns its numbers.
func (c *Capture) Stop() (Counts, error) {
	counts := c.Counts()
	return counts, c.close()
}

func (c *Capture) close() error {
	var errs []error
	c.closing.Store(true)
	if c.conn != nil {
		errs = append(errs, c.conn.Close())
	}
	c.done.Wait()
	if c.file != nil {
		errs = append(errs, c.file.Close())
	}
	return errors.Join(errs...)
}
