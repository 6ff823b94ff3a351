package testbed

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// Sniffer sees the TCP segments that pass a mobile node's interface.
type Sniffer struct {
	conn    *packet.Conn
	own     net.HardwareAddr
	closing atomic.Bool
	done    sync.WaitGroup

	mu       sync.Mutex
	segments []Segment
	missed   int
}

// Segment is one TCP segment.
type Segment struct {
	At          time.Time
	Sent        bool             // by the mobile node
	Router      net.HardwareAddr // whom the mobile node sent it to; of one that it received: who sent it
	Source      uint16
	Destination uint16
	Sequence    uint32
	Acknowledge uint32
	Octets      int // of payload
}

// maximumSegments bounds a Sniffer's memory; later ones are counted only.
const maximumSegments = 1 << 20

// Sniff begins to listen at a mobile node's interface.
func (d *Domain) Sniff(mn *MobileNode) (*Sniffer, error) {
	s := &Sniffer{own: mn.MAC}
	err := d.in(mn.Node, func() error {
		link, err := net.InterfaceByName(stationInterface)
		if err != nil {
			return err
		}
		s.conn, err = packet.Listen(link, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("capture at %s: %w", mn.Node, err)
	}
	s.done.Add(1)
	go s.run()
	return s, nil
}

// run decodes what passes until the Sniffer is stopped.
func (s *Sniffer) run() {
	defer s.done.Done()
	buffer := make([]byte, 64<<10)
	var ethernet layers.Ethernet
	var ip layers.IPv6
	var tcp layers.TCP
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &ethernet, &ip, &tcp)
	parser.IgnoreUnsupported = true
	var decoded []gopacket.LayerType
	for {
		n, _, err := s.conn.ReadFrom(buffer)
		if s.closing.Load() {
			return
		}
		at := time.Now()
		if err != nil || parser.DecodeLayers(buffer[:n], &decoded) != nil || !slices.Contains(decoded, layers.LayerTypeTCP) {
			continue
		}
		segment := Segment{
			At: at, Sent: slices.Equal(ethernet.SrcMAC, s.own), Router: slices.Clone(ethernet.SrcMAC),
			Source: uint16(tcp.SrcPort), Destination: uint16(tcp.DstPort), Sequence: tcp.Seq, Acknowledge: tcp.Ack, Octets: len(tcp.Payload),
		}
		if segment.Sent {
			segment.Router = slices.Clone(ethernet.DstMAC)
		}
		s.add(segment)
	}
}

func (s *Sniffer) add(segment Segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == maximumSegments {
		s.missed++
		return
	}
	s.segments = append(s.segments, segment)
}

// Segments are those so far between two ports, either way.
func (s *Sniffer) Segments(one, other uint16) (list []Segment, missed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, segment := range s.segments {
		if segment.Source == one && segment.Destination == other || segment.Source == other && segment.Destination == one {
			list = append(list, segment)
		}
	}
	return list, s.missed
}

// Stop ends the listening.
func (s *Sniffer) Stop() {
	s.closing.Store(true)
	s.conn.Close()
	s.done.Wait()
}
