package testbed

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Stream is a TCP connection over which the correspondent sends to a mobile node at a steady rate, as iperf does. What happens to it is
// seen in two places: in the reads of the receiving program, and by a Sniffer at the mobile node's interface.
type Stream struct {
	conn, peer net.Conn // the mobile node's and the correspondent's ends
	listener   net.Listener
	stop       context.CancelFunc
	done       sync.WaitGroup

	mu    sync.Mutex
	reads []Read
}

// Read is one read of the receiving program.
type Read struct {
	At    time.Time
	Total int // octets so far, this one's among them
}

// streamChunk is what the sender writes at a time: one segment.
const streamChunk = 1200

// streamPort is not the one of Conversations.
const streamPort = tcpPort + 100

// StartStream has the correspondent send octets a second to a mobile node, which opened the connection, until Stop.
func (d *Domain) StartStream(mn *MobileNode, address netip.Addr, octets int) (*Stream, error) {
	ctx, stop := context.WithCancel(context.Background())
	s := &Stream{stop: stop}
	server := netip.AddrPortFrom(CorrespondentOnLink, streamPort)
	err := d.in(NodeCorrespondent, func() (err error) {
		s.listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(server))
		return err
	})
	if err != nil {
		stop()
		return nil, fmt.Errorf("correspondent: %w", err)
	}
	err = d.in(mn.Node, func() (err error) {
		dialer := net.Dialer{Timeout: startPatience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 0))}
		s.conn, err = dialer.Dial("tcp", server.String())
		return err
	})
	if err == nil {
		s.peer, err = s.listener.Accept()
	}
	if err != nil {
		stop()
		s.listener.Close()
		return nil, fmt.Errorf("%s connects to the correspondent: %w", mn.Node, err)
	}
	s.done.Add(2)
	go s.send(ctx, time.Second*streamChunk/time.Duration(octets))
	go s.receive()
	return s, nil
}

// send writes a chunk each interval. When the connection stalls the write waits, and what was missed is not made up for.
func (s *Stream) send(ctx context.Context, interval time.Duration) {
	defer s.done.Done()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	chunk := make([]byte, streamChunk)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if _, err := s.peer.Write(chunk); err != nil {
				return
			}
		}
	}
}

// receive notes when octets came.
func (s *Stream) receive() {
	defer s.done.Done()
	buffer := make([]byte, 64<<10)
	for total := 0; ; {
		n, err := s.conn.Read(buffer)
		if err != nil {
			return
		}
		total += n
		s.mu.Lock()
		s.reads = append(s.reads, Read{time.Now(), total})
		s.mu.Unlock()
	}
}

// Reads are those of the receiving program so far.
func (s *Stream) Reads() []Read {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Read{}, s.reads...)
}

// Ports are those of the connection, by which a capture finds it: the correspondent's and the mobile node's.
func (s *Stream) Ports() (correspondent, mobileNode uint16) {
	return streamPort, uint16(s.conn.LocalAddr().(*net.TCPAddr).Port)
}

// Stop ends the connection. A mobile node that is cut off cannot say goodbye, so nothing is waited for.
func (s *Stream) Stop() {
	s.stop()
	for _, c := range []net.Conn{s.conn, s.peer} {
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
	s.listener.Close()
	s.done.Wait()
}
