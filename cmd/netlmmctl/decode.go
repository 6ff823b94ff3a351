package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"netlmm/mobility/mh"
)

// decode prints what a capture holds of Proxy Mobile IPv6 and of IEEE 802.21, however broken it is.
func decode(o *options, in io.Reader) *cobra.Command {
	var ports []int
	cmd := &cobra.Command{
		Use:   "decode FILE.pcap|-",
		Short: "Print every Mobility Header and MIH message of a capture (pcap or pcapng, also gzipped) with all it holds",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			mih, err := portsOf(ports)
			if err != nil {
				return err
			}
			if args[0] == "-" {
				return decodeCapture(o, in, mih...)
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			if err := decodeCapture(o, file, mih...); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		},
	}
	cmd.Flags().IntSliceVar(&ports, "mih-port", nil, "a port of MIH over UDP and TCP besides 4551; may be repeated")
	return cmd
}

func portsOf(numbers []int) (ports []uint16, err error) {
	for _, n := range numbers {
		if n < 1 || n > 65535 {
			return nil, fmt.Errorf("--mih-port %d: want 1 to 65535", n)
		}
		ports = append(ports, uint16(n))
	}
	return ports, nil
}

// place is where a message stands, the beginning of a line of the JSON form.
type place struct {
	Frame     int        `json:"frame"`          // number in the capture, from 1 as in Wireshark
	Time      string     `json:"time,omitempty"` // RFC 3339, UTC; a capture may have none
	Src       netip.Addr `json:"src"`
	Dst       netip.Addr `json:"dst"`
	SrcPort   uint16     `json:"src_port,omitempty"` // of MIH
	DstPort   uint16     `json:"dst_port,omitempty"`
	Transport string     `json:"transport,omitempty"` // "udp" for Mobility Headers on UDP port 5436 (RFC 5844); of MIH "udp" or "tcp"
}

// decodedMessage is a Mobility Header with what the packet around it says.
type decodedMessage struct {
	place
	mh.Description
}

// decoder is the way through one capture.
type decoder struct {
	show     func(place, fmt.Stringer, any) error
	mih      *mihFinder
	messages int
}

// decodeCapture prints message by message, so that it can follow a capture that is still being made.
func decodeCapture(o *options, in io.Reader, mihPorts ...uint16) error {
	next, err := openCapture(in)
	if err != nil {
		return err
	}
	d := decoder{show: o.messagePrinter(), mih: newMIHFinder(mihPorts)}
	unread := map[uint16]bool{}
	for number := 1; ; number++ {
		f, err := next()
		if errors.Is(err, io.EOF) {
			return endOfCapture(o, number-1, d.messages, unread)
		}
		if err != nil {
			return fmt.Errorf("after %d packets: %w", number-1, err)
		}
		packet, ok := networkPacket(f)
		if !ok {
			unread[f.linkType] = true
			continue
		}
		if err := d.packet(number, f, packet); err != nil {
			return err
		}
	}
}

// endOfCapture says what a reader of an empty output would wonder about.
func endOfCapture(o *options, packets, messages int, unread map[uint16]bool) error {
	if len(unread) > 0 {
		return fmt.Errorf("packets of link type %v (see pcap-linktype(7)) were left out: capture Ethernet, Linux \"any\", raw IP or loopback",
			slices.Sorted(maps.Keys(unread)))
	}
	if messages == 0 && !o.json {
		_, err := fmt.Fprintf(o.out, "no Mobility Header and no MIH message in %d packets\n", packets)
		return err
	}
	return nil
}

// packet prints what one IP packet holds.
func (c *decoder) packet(number int, f frame, packet []byte) error {
	d, ok := innermost(packet)
	if !ok {
		return nil
	}
	at := place{Frame: number, Src: d.src, Dst: d.dst}
	if !f.time.IsZero() {
		at.Time = f.time.UTC().Format(time.RFC3339Nano)
	}
	if header, ok := d.mobilityHeader(); ok {
		return c.mobilityHeader(at, header)
	}
	for _, m := range c.mih.find(f.time, d) {
		if err := c.mihMessage(at, m); err != nil {
			return err
		}
	}
	return nil
}

func (c *decoder) mobilityHeader(at place, d datagram) error {
	m := decodedMessage{at, mh.Describe(d.payload)}
	if d.protocol == protocolUDP {
		m.Transport = "udp"
	}
	m.Errors = slices.Insert(m.Errors, 0, d.problems...)
	c.messages++
	return c.show(m.place, m.Description, m)
}

// messagePrinter prints a message as text, or as line in its JSON form.
func (o *options) messagePrinter() func(at place, text fmt.Stringer, line any) error {
	if o.json {
		encoder := json.NewEncoder(o.out)
		encoder.SetEscapeHTML(false)
		return func(_ place, _ fmt.Stringer, line any) error { return encoder.Encode(line) }
	}
	return func(at place, text fmt.Stringer, _ any) error {
		over := ""
		if at.Transport != "" {
			over = " over " + at.Transport
		}
		_, err := fmt.Fprintf(o.out, "%d  %s  %s > %s%s  %s\n", at.Frame, orDash(at.Time), end(at.Src, at.SrcPort), end(at.Dst, at.DstPort), over, text)
		return err
	}
}

// end is one end of a message, with its port if that has one.
func end(a netip.Addr, port uint16) string {
	if port == 0 {
		return a.String()
	}
	return netip.AddrPortFrom(a, port).String()
}
