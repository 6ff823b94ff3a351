package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/gopacket/pcapgo"
)

// frame is a packet as a capture holds it.
type frame struct {
	time     time.Time // zero where the capture has none
	linkType uint16    // as in pcap-linktype(7)
	data     []byte
}

// maximumFrame bounds the memory that a length field of a capture can ask for. It is the largest snapshot length of tcpdump.
const maximumFrame = 256 << 10

var (
	errNoCapture = errors.New("is no capture: want pcap or pcapng, as tcpdump -w and dumpcap write them")
	errCut       = errors.New("the capture is cut short")
	errDamaged   = errors.New("the capture is damaged")
)

const pcapHeader = 24 // octets; a pcapng file is longer

// openCapture finds out what in holds. The function that it returns gives the next packet, io.EOF after the last one, and any
// other error where it cannot go on.
func openCapture(in io.Reader) (func() (frame, error), error) {
	r := bufio.NewReader(in)
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("%w (gzip: %v)", errNoCapture, err)
		}
		r = bufio.NewReader(unzipped)
	}
	header, err := r.Peek(pcapHeader)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if err != nil {
		return nil, errNoCapture
	}
	if binary.BigEndian.Uint32(header) == blockSectionHeader {
		return (&pcapng{r: r}).next, nil
	}
	return openPcap(r, header)
}

func openPcap(r *bufio.Reader, header []byte) (func() (frame, error), error) {
	var order binary.ByteOrder = binary.LittleEndian
	if header[0] == 0xa1 {
		order = binary.BigEndian
	}
	linkType := uint16(order.Uint32(header[20:])) // pcapgo keeps eight bits of it, too few for Linux SLL2
	capture, err := pcapgo.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w (%v)", errNoCapture, err)
	}
	capture.SetSnaplen(maximumFrame) // that of the file may be anything
	return func() (frame, error) {
		data, info, err := capture.ReadPacketData()
		switch {
		case err == nil:
			return frame{info.Timestamp, linkType, data}, nil
		case errors.Is(err, io.EOF) && info.CaptureLength == 0:
			return frame{}, io.EOF
		}
		return frame{}, readError(err)
	}, nil
}

// readError is err for people, when it came in the middle of something.
func readError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errCut
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}
