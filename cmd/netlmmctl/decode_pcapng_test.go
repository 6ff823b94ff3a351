package main

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// block is a pcapng block.
func block(order binary.AppendByteOrder, kind uint32, body ...[]byte) []byte {
	content := bytes.Join(body, nil)
	content = append(content, make([]byte, -len(content)&3)...)
	b := order.AppendUint32(order.AppendUint32(nil, kind), uint32(len(content)+12))
	return order.AppendUint32(append(b, content...), uint32(len(content)+12))
}

func words(order binary.AppendByteOrder, list ...uint32) (b []byte) {
	for _, word := range list {
		b = order.AppendUint32(b, word)
	}
	return b
}

func section(order binary.AppendByteOrder) []byte {
	return block(order, blockSectionHeader, order.AppendUint16(order.AppendUint16(words(order, byteOrderMagic), 1), 0), words(order, 0xffffffff, 0xffffffff))
}

// interfaceBlock describes an interface with the given options.
func interfaceBlock(order binary.AppendByteOrder, linkType uint16, snapLen uint32, options ...[]byte) []byte {
	fixed := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, linkType), 0), snapLen)
	return block(order, blockInterface, append([][]byte{fixed}, options...)...)
}

func blockOption(order binary.AppendByteOrder, code uint16, value ...byte) []byte {
	b := append(order.AppendUint16(order.AppendUint16(nil, code), uint16(len(value))), value...)
	return append(b, make([]byte, -len(value)&3)...)
}

func mixedPcapng(t testing.TB) []byte {
	plain := ip6(t, protocolMobility, heartbeat(t, mag6, lma6))
	size := uint32(len(plain))
	sll2 := append([]byte{0x86, 0xdd, 18: 0, 19: 0}, plain...)
	little, big := binary.LittleEndian, binary.BigEndian
	return bytes.Join([][]byte{
		section(little),
		interfaceBlock(little, linkRaw, 0),
		interfaceBlock(little, linkLinuxSLL2, 0, blockOption(little, 2, []byte("any")...),
			blockOption(little, 9, 9), blockOption(little, 14, []byte{100, 7: 0}...), blockOption(little, 0)),
		block(little, 5, make([]byte, 12)), // statistics
		block(little, blockEnhancedPacket, words(little, 0, 0, 1_500_000, size, size), plain),
		block(little, blockEnhancedPacket, words(little, 1, 0, 2_000_000_001, size+20, size+20), sll2, blockOption(little, 1, []byte("comment")...)),
		section(big),
		interfaceBlock(big, linkRaw, size, blockOption(big, 9, 0x81)), // half seconds
		block(big, blockPacket, words(big, 0, 0, 5, size, size), plain),
		block(big, blockSimplePacket, words(big, size+8), plain), // cut by the snapshot length
	}, nil)
}

func TestDecodePcapng(t *testing.T) {
	messages, err := decodedJSON(t, mixedPcapng(t))
	if err != nil {
		t.Fatal(err)
	}
	var times []string
	for _, m := range messages {
		if len(m.Errors) > 0 {
			t.Errorf("errors %q", m.Errors)
		}
		times = append(times, m.Time)
	}
	if got, want := strings.Join(times, " "), "1970-01-01T00:00:01.5Z 1970-01-01T00:01:42.000000001Z 1970-01-01T00:00:02.5Z "; got != want {
		t.Errorf("times %q, want %q", got, want)
	}
}

// What has no time and no sense is refused where it stands, after what came before it.
func TestDecodeDamagedPcapng(t *testing.T) {
	order := binary.LittleEndian
	raw := interfaceBlock(order, linkRaw, 0)
	for name, test := range map[string]struct {
		blocks [][]byte
		want   string
	}{
		"a block that is too short":    {[][]byte{words(order, 5, 8, 8)}, "a block of 8 octets"},
		"a block that is too long":     {[][]byte{words(order, 5, 1<<31, 0)}, "a block of 2147483648 octets"},
		"two lengths":                  {[][]byte{words(order, 5, 12, 16)}, "a block of 12 octets says 16 at its end"},
		"a section of no order":        {[][]byte{words(order, blockSectionHeader, 28, 7)}, "byte order 07000000"},
		"a section cut":                {[][]byte{words(order, blockSectionHeader, 28)}, "cut short"},
		"half a block":                 {[][]byte{words(order, 5)}, "cut short"},
		"an interface of nothing":      {[][]byte{block(order, blockInterface)}, "interface 0 of 0 octets"},
		"an option past its block":     {[][]byte{interfaceBlock(order, linkRaw, 0, words(order, 200<<16|2))}, "option 2 of interface 0"},
		"a clock of 10^-20 s":          {[][]byte{interfaceBlock(order, linkRaw, 0, blockOption(order, 9, 20))}, "no known resolution"},
		"a clock of 2^-64 s":           {[][]byte{interfaceBlock(order, linkRaw, 0, blockOption(order, 9, 0x80|64))}, "no known resolution"},
		"a packet of no interface":     {[][]byte{block(order, blockEnhancedPacket, make([]byte, 20))}, "from interface 0"},
		"a packet larger than its own": {[][]byte{raw, block(order, blockEnhancedPacket, words(order, 0, 0, 0, 1<<31, 0))}, "a packet of 2147483648"},
		"a packet of nothing":          {[][]byte{raw, block(order, blockEnhancedPacket)}, "a packet block with 0 octets"},
		"a simple one of no interface": {[][]byte{block(order, blockSimplePacket, words(order, 0))}, "a packet of no interface"},
		"a simple one that is larger":  {[][]byte{raw, block(order, blockSimplePacket, words(order, 8), words(order, 0))}, "a packet of 8"},
	} {
		t.Run(name, func(t *testing.T) {
			capture := append(mixedPcapng(t), section(order)...)
			messages, err := decodedJSON(t, append(capture, bytes.Join(test.blocks, nil)...))
			if len(messages) != 4 || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%d messages, error %v, want 4 and %q", len(messages), err, test.want)
			}
		})
	}
}
