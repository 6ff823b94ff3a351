package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"
)

// pcapng reads packets out of a pcapng file (draft-ietf-opsawg-pcapng). pcapgo has a reader too, which is not for files of
// unknown origin: it divides by zero for some timestamp resolutions, takes as much memory as a length field says, reads past the
// end of a block whose options are wrong, and knows no link type above 255.
type pcapng struct {
	r          *bufio.Reader
	order      binary.ByteOrder // of the section
	interfaces []pcapngInterface
}

type pcapngInterface struct {
	linkType      uint16
	snapLen       uint32 // 0: no limit
	ticks         uint64 // per second
	offsetSeconds int64
}

// Block types.
const (
	blockSectionHeader  = 0x0a0d0d0a // reads the same in both byte orders
	blockInterface      = 1
	blockPacket         = 2 // obsolete
	blockSimplePacket   = 3
	blockEnhancedPacket = 6
)

const (
	byteOrderMagic = 0x1a2b3c4d

	maximumBlock      = 1 << 20 // a packet and its options, or what else is skipped
	maximumInterfaces = 1 << 16
)

// next is the next packet; io.EOF after the last one.
func (p *pcapng) next() (frame, error) {
	for {
		kind, body, err := p.block()
		if err != nil {
			return frame{}, err
		}
		switch kind {
		case blockSectionHeader:
			p.interfaces = p.interfaces[:0]
		case blockInterface:
			if err := p.addInterface(body); err != nil {
				return frame{}, err
			}
		case blockPacket, blockEnhancedPacket:
			return p.packet(kind, body)
		case blockSimplePacket:
			return p.simplePacket(body)
		}
	}
}

// block reads a whole block and returns what is between its two lengths.
func (p *pcapng) block() (kind uint32, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(p.r, head[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, nil, io.EOF
		}
		return 0, nil, readError(err)
	}
	if binary.BigEndian.Uint32(head[:]) == blockSectionHeader {
		if err := p.readByteOrder(); err != nil {
			return 0, nil, err
		}
	}
	kind = p.order.Uint32(head[:])
	length := p.order.Uint32(head[4:])
	if length < 12 || length%4 != 0 || length > maximumBlock {
		return 0, nil, fmt.Errorf("%w: a block of %d octets", errDamaged, length)
	}
	body = make([]byte, length-8)
	if _, err := io.ReadFull(p.r, body); err != nil {
		return 0, nil, readError(err)
	}
	end := len(body) - 4
	if again := p.order.Uint32(body[end:]); again != length {
		return 0, nil, fmt.Errorf("%w: a block of %d octets says %d at its end", errDamaged, length, again)
	}
	return kind, body[:end], nil
}

func (p *pcapng) readByteOrder() error {
	magic, err := p.r.Peek(4)
	if err != nil {
		return readError(err)
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		if order.Uint32(magic) == byteOrderMagic {
			p.order = order
			return nil
		}
	}
	return fmt.Errorf("%w: a section of byte order %x", errDamaged, magic)
}

func (p *pcapng) addInterface(body []byte) error {
	if len(body) < 8 || len(p.interfaces) == maximumInterfaces {
		return fmt.Errorf("%w: interface %d of %d octets", errDamaged, len(p.interfaces), len(body))
	}
	i := pcapngInterface{linkType: p.order.Uint16(body), snapLen: p.order.Uint32(body[4:]), ticks: 1e6}
	for rest := body[8:]; len(rest) >= 4; {
		code, size := p.order.Uint16(rest), int(p.order.Uint16(rest[2:]))
		padded := (size + 3) &^ 3
		rest = rest[4:]
		if padded > len(rest) {
			return fmt.Errorf("%w: option %d of interface %d runs past its block", errDamaged, code, len(p.interfaces))
		}
		switch {
		case code == 9 && size == 1:
			i.ticks = ticksPerSecond(rest[0])
		case code == 14 && size == 8:
			i.offsetSeconds = int64(p.order.Uint64(rest))
		}
		rest = rest[padded:]
	}
	if i.ticks == 0 {
		return fmt.Errorf("%w: interface %d has a clock of no known resolution", errDamaged, len(p.interfaces))
	}
	p.interfaces = append(p.interfaces, i)
	return nil
}

// ticksPerSecond is 2^n with the highest bit of the resolution set, else 10^n; 0 if that is more than 64 bits hold.
func ticksPerSecond(resolution byte) uint64 {
	if resolution&0x80 != 0 {
		return 1 << (resolution & 0x7f)
	}
	if resolution > 19 {
		return 0
	}
	ticks := uint64(1)
	for range resolution {
		ticks *= 10
	}
	return ticks
}

// packet reads the body of an Enhanced Packet Block or of its predecessor, whose interface number has 16 bits.
func (p *pcapng) packet(kind uint32, body []byte) (frame, error) {
	const fixed = 20
	if len(body) < fixed {
		return frame{}, fmt.Errorf("%w: a packet block with %d octets", errDamaged, len(body))
	}
	number := p.order.Uint32(body)
	if kind == blockPacket {
		number = uint32(p.order.Uint16(body))
	}
	captured := p.order.Uint32(body[12:])
	if uint64(number) >= uint64(len(p.interfaces)) || uint64(captured) > uint64(len(body)-fixed) {
		return frame{}, fmt.Errorf("%w: a block of %d octets with a packet of %d from interface %d", errDamaged, len(body), captured, number)
	}
	i := p.interfaces[number]
	ticks := uint64(p.order.Uint32(body[4:]))<<32 | uint64(p.order.Uint32(body[8:]))
	return frame{i.time(ticks), i.linkType, body[fixed:][:captured]}, nil
}

// simplePacket reads a packet without a time. How much of it was captured follows from the snapshot length.
func (p *pcapng) simplePacket(body []byte) (frame, error) {
	if len(body) < 4 || len(p.interfaces) == 0 {
		return frame{}, fmt.Errorf("%w: a packet of no interface, or a block of %d octets", errDamaged, len(body))
	}
	i := p.interfaces[0]
	captured := p.order.Uint32(body)
	if i.snapLen != 0 {
		captured = min(captured, i.snapLen)
	}
	if uint64(captured) > uint64(len(body)-4) {
		return frame{}, fmt.Errorf("%w: a block of %d octets with a packet of %d", errDamaged, len(body), captured)
	}
	return frame{linkType: i.linkType, data: body[4:][:captured]}, nil
}

func (i pcapngInterface) time(ticks uint64) time.Time {
	high, low := bits.Mul64(ticks%i.ticks, uint64(time.Second))
	nanoseconds, _ := bits.Div64(high, low, i.ticks) // below one second, so high is below i.ticks
	return time.Unix(int64(ticks/i.ticks)+i.offsetSeconds, int64(nanoseconds))
}
