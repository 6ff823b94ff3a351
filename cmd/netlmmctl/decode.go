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

// decode prints what a capture holds of Proxy Mobile IPv6, however broken it is.
func decode(o *options, in io.Reader) *cobra.Command {
	return &cobra.Command{
		Use:   "decode FILE.pcap|-",
		Short: "Print every Mobility Header of a capture (pcap or pcapng, also gzipped) with all its options",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if args[0] == "-" {
				return decodeCapture(o, in)
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			if err := decodeCapture(o, file); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return nil
		},
	}
}

// decodedMessage is a Mobility Header with what the packet around it says, a line of the JSON form.
type decodedMessage struct {
	Frame     int        `json:"frame"`          // number in the capture, from 1 as in Wireshark
	Time      string     `json:"time,omitempty"` // RFC 3339, UTC; a capture may have none
	Src       netip.Addr `json:"src"`
	Dst       netip.Addr `json:"dst"`
	Transport string     `json:"transport,omitempty"` // "udp" for UDP port 5436 (RFC 5844)
	mh.Description
}

// decodeCapture prints message by message, so that it can follow a capture that is still being made.
func decodeCapture(o *options, in io.Reader) error {
	next, err := openCapture(in)
	if err != nil {
		return err
	}
	show := o.messagePrinter()
	unread := map[uint16]bool{}
	messages := 0
	for number := 1; ; number++ {
		f, err := next()
		if errors.Is(err, io.EOF) {
			return endOfCapture(o, number-1, messages, unread)
		}
		if err != nil {
			return fmt.Errorf("after %d packets: %w", number-1, err)
		}
		packet, ok := networkPacket(f)
		if !ok {
			unread[f.linkType] = true
			continue
		}
		if d, ok := findMobilityHeader(packet); ok {
			messages++
			if err := show(describe(number, f, d)); err != nil {
				return err
			}
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
		_, err := fmt.Fprintf(o.out, "no Mobility Header in %d packets\n", packets)
		return err
	}
	return nil
}

func describe(number int, f frame, d datagram) decodedMessage {
	m := decodedMessage{Frame: number, Src: d.src, Dst: d.dst, Description: mh.Describe(d.payload)}
	if !f.time.IsZero() {
		m.Time = f.time.UTC().Format(time.RFC3339Nano)
	}
	if d.protocol == protocolUDP {
		m.Transport = "udp"
	}
	m.Errors = slices.Insert(m.Errors, 0, d.problems...)
	return m
}

func (o *options) messagePrinter() func(decodedMessage) error {
	if o.json {
		encoder := json.NewEncoder(o.out)
		encoder.SetEscapeHTML(false)
		return func(m decodedMessage) error { return encoder.Encode(m) }
	}
	return func(m decodedMessage) error {
		over := ""
		if m.Transport != "" {
			over = " over " + m.Transport
		}
		_, err := fmt.Fprintf(o.out, "%d  %s  %s > %s%s  %s\n", m.Frame, orDash(m.Time), m.Src, m.Dst, over, m.Description)
		return err
	}
}
