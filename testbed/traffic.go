package testbed

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Flow is UDP traffic between the correspondent and one mobile node, in one direction: numbered packets at a steady rate.
type Flow struct {
	size             int
	sender, receiver *net.UDPConn
	interval         time.Duration
	stop             context.CancelFunc
	done             sync.WaitGroup

	mu      sync.Mutex
	begun   time.Time   // when the first packet was due
	sentAt  []time.Time // by sequence number
	arrived []arrival   // in the order of arrival
	seen    []bool      // by sequence number
	again   []arrival   // packets that had arrived before
}

// arrival is one packet's receipt, in the kernel's time.
type arrival struct {
	at       time.Time
	sequence uint64
}

// packetSize is the UDP payload: a sequence number, padded to the size of a voice packet.
const packetSize = 160

// FlowOptions say what a Flow is like.
type FlowOptions struct {
	Rate   int  // packets a second
	Size   int  // octets of UDP payload; 0: packetSize
	Uplink bool // the mobile node sends, and the correspondent receives
}

// StartFlow sends rate packets a second from the correspondent to a mobile node's address until Stop.
func (d *Domain) StartFlow(mn *MobileNode, address netip.Addr, rate int) (*Flow, error) {
	return d.StartFlowOf(mn, address, FlowOptions{Rate: rate})
}

// StartFlowOf is StartFlow with everything that can be chosen.
func (d *Domain) StartFlowOf(mn *MobileNode, address netip.Addr, o FlowOptions) (*Flow, error) {
	if o.Size == 0 {
		o.Size = packetSize
	}
	if o.Rate < 1 || o.Rate > 100000 || o.Size < 8 || o.Size > 1200 {
		return nil, fmt.Errorf("%d packets a second of %d octets: 1 to 100000 of 8 to 1200, please", o.Rate, o.Size)
	}
	f := &Flow{interval: time.Second / time.Duration(o.Rate), size: o.Size}
	from, to := NodeCorrespondent, mn.Node
	source, destination := CorrespondentOnLink, address
	if o.Uplink {
		from, to, source, destination = to, from, destination, source
	}
	err := d.in(to, func() (err error) {
		f.receiver, err = net.ListenUDP("udp6", &net.UDPAddr{Port: udpPort})
		if err != nil {
			return err
		}
		return errors.Join(f.receiver.SetReadBuffer(4<<20), stampOnReceipt(f.receiver))
	})
	if err != nil {
		return nil, fmt.Errorf("receiver in %s: %w", to, err)
	}
	err = d.in(from, func() (err error) {
		f.sender, err = net.DialUDP("udp6", net.UDPAddrFromAddrPort(netip.AddrPortFrom(source, 0)), net.UDPAddrFromAddrPort(netip.AddrPortFrom(destination, udpPort)))
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sender: %w", err), f.receiver.Close())
	}
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.done.Add(2)
	go f.send(ctx)
	go f.receive()
	return f, nil
}

// stampOnReceipt asks the kernel to note when each datagram arrived, so that a busy machine does not blur the measurement.
func stampOnReceipt(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) })
	return errors.Join(err, failed)
}

// send keeps the rate: when the machine was late it catches up. It sleeps on a thread of its own, ahead of the machine's
// other work, because a sender that stands still looks like an outage.
func (f *Flow) send(ctx context.Context) {
	defer f.done.Done()
	runtime.LockOSThread() // and never unlocked: the priority ends with the thread
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), -20)
	begun := time.Now()
	f.mu.Lock()
	f.begun = begun
	f.mu.Unlock()
	payload := make([]byte, f.size)
	for sequence := uint64(0); ctx.Err() == nil; sequence++ {
		if wait := time.Until(begun.Add(time.Duration(sequence) * f.interval)); wait > 0 {
			pause := unix.NsecToTimespec(int64(wait))
			_ = unix.Nanosleep(&pause, nil) // a signal that cuts it short sends one packet early
		}
		binary.BigEndian.PutUint64(payload, sequence)
		f.mu.Lock()
		f.sentAt, f.seen = append(f.sentAt, time.Now()), append(f.seen, false)
		f.mu.Unlock()
		// an ICMP error of an earlier packet shows here; the packet counts as sent and lost
		if _, err := f.sender.Write(payload); err != nil {
			_, _ = f.sender.Write(payload)
		}
	}
}

// receive notes arrivals until the socket is closed.
func (f *Flow) receive() {
	defer f.done.Done()
	payload, control := make([]byte, f.size+1), make([]byte, 128)
	for {
		n, controlLength, _, _, err := f.receiver.ReadMsgUDP(payload, control)
		if err != nil {
			return
		}
		if n != f.size {
			continue
		}
		sequence, at := binary.BigEndian.Uint64(payload), receiptTime(control[:controlLength])
		f.mu.Lock()
		if sequence < uint64(len(f.seen)) && !f.seen[sequence] {
			f.seen[sequence] = true
			f.arrived = append(f.arrived, arrival{at, sequence})
		} else if sequence < uint64(len(f.seen)) {
			f.again = append(f.again, arrival{at, sequence})
		}
		f.mu.Unlock()
	}
}

// receiptTime reads the kernel's stamp; without one it is now.
func receiptTime(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range messages {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= 16 {
				return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
	}
	return time.Now()
}

// Stop ends the sending, waits for what is still under way, and closes the sockets.
func (f *Flow) Stop() {
	f.stop()
	time.Sleep(200 * time.Millisecond)
	f.sender.Close()
	f.receiver.Close()
	f.done.Wait()
}

// Totals are the packets sent and received so far.
func (f *Flow) Totals() (sent, received int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sentAt), len(f.arrived)
}

// Packet is what became of one packet of a Flow.
type Packet struct {
	Due, Sent, Arrived time.Time // a busy machine sends later than is due; Arrived is zero when it was lost
}

// Packets are those sent so far, in their order.
func (f *Flow) Packets() []Packet {
	f.mu.Lock()
	defer f.mu.Unlock()
	packets := make([]Packet, len(f.sentAt))
	for sequence, at := range f.sentAt {
		packets[sequence].Due, packets[sequence].Sent = f.begun.Add(time.Duration(sequence)*f.interval), at
	}
	for _, a := range f.arrived {
		packets[a.sequence].Arrived = a.at
	}
	return packets
}

// Received says whether a packet arrived after an instant.
func (f *Flow) Received(after time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.arrived) > 0 && f.arrived[len(f.arrived)-1].at.After(after)
}

// Disturbance is what one handover did to a flow.
type Disturbance struct {
	Lost       int
	Duplicated int           // packets that arrived once more
	Reordered  int           // packets that arrived behind a later one
	Late       int           // by how many packets the latest of these was behind
	Gap        time.Duration // from the association to the next packet
	Pause      time.Duration // longest silence of the handover itself: one with a part between move and association
	Outage     time.Duration // longest silence
	Resumed    bool          // false: no packet came until the end, and the three last to there
}

// Disturbance measures the time from a move, with the station's association in it, to end (the next move of the same node).
func (f *Flow) Disturbance(moved, associated, end time.Time) (d Disturbance) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for sequence, at := range f.sentAt {
		if !at.Before(moved) && at.Before(end) && !f.seen[sequence] {
			d.Lost++
		}
	}
	for _, a := range f.again {
		if !a.at.Before(moved) && a.at.Before(end) {
			d.Duplicated++
		}
	}
	d.disorder(f.arrived, moved, end)
	d.Gap = end.Sub(associated)
	d.Pause = f.pause(moved, associated, end)
	previous := moved
	silence := func(at time.Time) { d.Outage = max(d.Outage, at.Sub(previous)) }
	for _, a := range f.arrived {
		if a.at.Before(moved) {
			previous = a.at
			continue
		}
		if a.at.After(end) {
			break
		}
		silence(a.at)
		previous = a.at
		if !d.Resumed && a.at.After(associated) {
			d.Resumed, d.Gap = true, a.at.Sub(associated)
		}
	}
	silence(end)
	return d
}

// pause is the longest silence that has a part in the time from moved to associated. Later ones have nothing to do with the handover.
func (f *Flow) pause(moved, associated, end time.Time) (longest time.Duration) {
	before := moved
	for _, a := range f.arrived {
		if a.at.After(moved) {
			longest = max(longest, a.at.Sub(before))
		}
		if before = a.at; before.After(associated) {
			return longest
		}
	}
	return max(longest, end.Sub(before))
}

// disorder counts the packets that arrived behind later ones.
func (d *Disturbance) disorder(arrived []arrival, moved, end time.Time) {
	latest := uint64(0)
	for _, a := range arrived {
		if a.at.After(end) {
			break
		}
		if a.sequence < latest && !a.at.Before(moved) {
			d.Reordered++
			d.Late = max(d.Late, int(latest-a.sequence))
		}
		latest = max(latest, a.sequence)
	}
}
