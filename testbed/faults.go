package testbed

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Programs that faults can hit. A program is named with the node it runs in: ("mag1", ProgramMAGD), ("lma", ProgramCharon).
const (
	ProgramMAGD    = "magd"
	ProgramLMAD    = "lmad"
	ProgramCharon  = "charon"
	ProgramHostapd = "hostapd"
)

// Kill9 kills a program of a node with SIGKILL and returns when it is gone.
func (d *Domain) Kill9(node, program string) error {
	p, err := d.process(node, program)
	if err != nil {
		return err
	}
	p.signal(syscall.SIGKILL)
	<-p.exited
	return nil
}

// StopProgram ends a program of a node with SIGTERM, as an operator does.
func (d *Domain) StopProgram(node, program string) error {
	p, err := d.process(node, program)
	if err != nil {
		return err
	}
	p.stop(10 * time.Second)
	return nil
}

// Restart starts a program of a node again after it ended, with the same command line, and returns when it answers: charon
// has its connections loaded, hostapd its control socket open, a daemon its admin API.
func (d *Domain) Restart(node, program string) error {
	p, err := d.process(node, program)
	if err != nil {
		return err
	}
	if p.running() {
		return fmt.Errorf("%s of %s is running", program, node)
	}
	if err := d.launch(p); err != nil {
		return err
	}
	switch program {
	case ProgramCharon:
		return d.loadConnections(node)
	case ProgramHostapd:
		return d.AccessPoints[node].attach()
	case ProgramMAGD, ProgramLMAD:
		return d.waitDaemon(node)
	}
	return nil
}

// Log is what a program of a node has written so far, its last lines.
func (d *Domain) Log(node, program string) string { return d.tail(node, program) }

// AddRogueHost puts another host on the core link. It has no security association with anybody.
func (d *Domain) AddRogueHost() error {
	if err := d.addNode(NodeRogueHost); err != nil {
		return err
	}
	return d.joinCore(NodeRogueHost)
}

// SendSpoofed sends a Mobility Header in clear from the rogue host, under a source address that is another node's. The rogue
// does not answer Neighbor Solicitations for it, so that the domain keeps working.
func (d *Domain) SendSpoofed(source, destination netip.Addr, header []byte) error {
	if source != RogueHostAddress {
		err := d.address(NodeRogueHost, "lo", netip.PrefixFrom(source, source.BitLen()).String())
		if err != nil && !errors.Is(err, syscall.EEXIST) {
			return err
		}
	}
	return d.SendMobilityHeader(NodeRogueHost, source, destination, header)
}

// AddRogueMAG adds a gateway whose IKE identity the LMA's charon accepts, and establishes its SA, while lmad's configuration
// does not know it. Send from it with SendMobilityHeader(NodeRogueMAG, RogueMAGAddress, LMAAddress, ...).
func (d *Domain) AddRogueMAG() error {
	if err := d.addNode(NodeRogueMAG); err != nil {
		return err
	}
	if err := d.joinCore(NodeRogueMAG); err != nil {
		return err
	}
	if err := d.startCharon(NodeRogueMAG); err != nil {
		return err
	}
	return d.EstablishSA(NodeRogueMAG)
}

// Recorder keeps the Mobility Headers that a node receives after IPsec has been taken off, so that a test can replay them.
type Recorder struct {
	socket int
	done   sync.WaitGroup

	mu       sync.Mutex
	received []RecordedHeader
	stopped  bool
}

// RecordedHeader is one Mobility Header as a raw socket delivers it.
type RecordedHeader struct {
	At      time.Time
	Source  netip.Addr
	Payload []byte
}

// maximumRecorded bounds a Recorder's memory; later headers are not kept.
const maximumRecorded = 10000

// Record begins to record at a node, beside the daemon that runs there.
func (d *Domain) Record(node string) (*Recorder, error) {
	r := &Recorder{}
	err := d.in(node, func() (err error) {
		r.socket, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_MH)
		if err != nil {
			return fmt.Errorf("raw socket for Mobility Headers in %s: %w", node, err)
		}
		// so that Stop is noticed
		return unix.SetsockoptTimeval(r.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100000})
	})
	if err != nil {
		return nil, err
	}
	r.done.Add(1)
	go r.run()
	return r, nil
}

// run receives until Stop.
func (r *Recorder) run() {
	defer r.done.Done()
	buffer := make([]byte, snapLength)
	for !r.isStopped() {
		n, from, err := unix.Recvfrom(r.socket, buffer, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		source, ok := from.(*unix.SockaddrInet6)
		if err != nil || !ok {
			return
		}
		r.mu.Lock()
		if len(r.received) < maximumRecorded {
			r.received = append(r.received, RecordedHeader{time.Now(), netip.AddrFrom16(source.Addr), append([]byte{}, buffer[:n]...)})
		}
		r.mu.Unlock()
	}
}

// Received are the headers so far, of one message type (RFC 6275 section 6.1.1), oldest first.
func (r *Recorder) Received(messageType byte) []RecordedHeader {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []RecordedHeader
	for _, h := range r.received {
		if len(h.Payload) > 2 && h.Payload[2] == messageType {
			list = append(list, h)
		}
	}
	return list
}

func (r *Recorder) isStopped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// Stop ends the recording; once.
func (r *Recorder) Stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.done.Wait()
	unix.Close(r.socket)
}
