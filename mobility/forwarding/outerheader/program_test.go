package outerheader

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

var (
	local = netip.MustParseAddr("2001:db8::1")
	other = netip.MustParseAddr("2001:db8::2")
)

// marks of RFC 6040 figure 4: outer by inner gives what leaves; -1: the packet is dropped.
var exits = map[byte]map[byte]int{
	notECT: {notECT: notECT, ect0: ect0, ect1: ect1, ce: ce},
	ect0:   {notECT: notECT, ect0: ect0, ect1: ect1, ce: ce},
	ect1:   {notECT: notECT, ect0: ect1, ect1: ect1, ce: ce},
	ce:     {notECT: -1, ect0: ce, ect1: ce, ce: ce},
}

// kinds of tunnel packets: what is inside, and how much stands before it.
var kinds = map[string]func(outer, inner byte) ([]byte, int){
	"IPv6 in IPv6": func(outer, inner byte) ([]byte, int) {
		return tunnelled(41, outer, nil, ipv6(other, local, 59, inner)), ethernetHeader + ipv6Header
	},
	"IPv4 in IPv6": func(outer, inner byte) ([]byte, int) {
		return tunnelled(4, outer, nil, ipv4(inner)), ethernetHeader + ipv6Header
	},
	"IPv6 in IPv6 with an encapsulation limit": func(outer, inner byte) ([]byte, int) {
		return tunnelled(60, outer, []byte{41, 0, 4, 1, 4, 1, 1, 0}, ipv6(other, local, 59, inner)), ethernetHeader + ipv6Header + 8
	},
}

func TestExitCombinesMarksAsRFC6040Section4_2(t *testing.T) {
	program := loaded(t, exitProgram(layout{header: ethernetHeader, local: local}))
	for name, packet := range kinds {
		for outer, row := range exits {
			for inner, want := range row {
				frame, at := packet(outer, inner)
				verdict, out := run(t, program, frame)
				what := fmt.Sprintf("%s, outer %02b, inner %02b", name, outer, inner)
				if want < 0 {
					if verdict != verdictDrop {
						t.Errorf("%s: verdict %d, want the packet dropped", what, verdict)
					}
					continue
				}
				if got := markOf(out[at:]); verdict != verdictNext || int(got) != want {
					t.Errorf("%s: verdict %d, inner mark %02b, want it passed with %02b", what, verdict, got, want)
				}
				if out[at]>>4 == 4 && checksum(out[at:at+20]) != 0 {
					t.Errorf("%s: the checksum of the inner header is wrong", what)
				}
				if markOf(out[ethernetHeader:]) != outer {
					t.Errorf("%s: the outer header changed", what)
				}
			}
		}
	}
}

// RFC 6040 section 4.1, normal mode; RFC 2473 section 6.3 for the hop limit.
func TestEntryCopiesMarksAndSetsTheHopLimit(t *testing.T) {
	program := loaded(t, entryProgram(layout{header: ethernetHeader, local: local}, 64))
	for _, name := range []string{"IPv6 in IPv6", "IPv4 in IPv6"} {
		for inner := range byte(4) {
			for outer := range byte(4) {
				frame, at := kinds[name](outer, inner)
				swapAddresses(frame[ethernetHeader:])
				verdict, out := run(t, program, frame)
				if got := markOf(out[ethernetHeader:]); verdict != verdictNext || got != inner || out[ethernetHeader+7] != 64 {
					t.Errorf("%s, inner %02b: verdict %d, outer mark %02b, hop limit %d", name, inner, verdict, got, out[ethernetHeader+7])
				}
				if markOf(out[at:]) != inner {
					t.Errorf("%s, inner %02b: the inner header changed", name, inner)
				}
			}
		}
	}
}

// Neither program touches what is not of our tunnels, nor what ends too early.
func TestOtherPacketsAreLeftAlone(t *testing.T) {
	tunnel, _ := kinds["IPv6 in IPv6"](ce, ect0)
	foreign, _ := kinds["IPv6 in IPv6"](ce, ect0)
	swapAddresses(foreign[ethernetHeader:])
	plain := append(ethernet(0x86dd), ipv6(other, local, 59, ce)...)
	packets := map[string][]byte{
		"to somebody else":   foreign,
		"no tunnel packet":   plain,
		"IPv4":               append(ethernet(0x0800), ipv4(ce)...),
		"ends in the tunnel": tunnel[:ethernetHeader+ipv6Header+1],
		"long options":       tunnelled(60, ce, []byte{41, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ipv6(other, local, 59, ect0)),
	}
	program := loaded(t, exitProgram(layout{header: ethernetHeader, local: local}))
	for name, frame := range packets {
		if verdict, out := run(t, program, frame); verdict != verdictNext || string(out) != string(frame) {
			t.Errorf("%s: verdict %d, changed %v", name, verdict, string(out) != string(frame))
		}
	}
	entry := loaded(t, entryProgram(layout{header: ethernetHeader, local: local}, 64))
	if verdict, out := run(t, entry, tunnel); verdict != verdictNext || string(out) != string(tunnel) {
		t.Errorf("a packet that is not ours to send: verdict %d, changed %v", verdict, string(out) != string(tunnel))
	}
}

func loaded(t *testing.T, code asm.Instructions) *ebpf.Program {
	t.Helper()
	program, err := load("test", code)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { program.Close() })
	return program
}

// run gives the program one frame, in the kernel, and returns what became of it.
func run(t *testing.T, program *ebpf.Program, frame []byte) (verdict int32, out []byte) {
	t.Helper()
	out = make([]byte, len(frame)+64)
	options := ebpf.RunOptions{Data: frame, DataOut: out}
	result, err := program.Run(&options)
	if err != nil {
		t.Fatalf("run the program: %v", err)
	}
	return int32(result), options.DataOut
}

func ethernet(protocol uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, protocol)
}

func tunnelled(next byte, mark byte, extension, inner []byte) []byte {
	outer := ipv6(other, local, next, mark)
	binary.BigEndian.PutUint16(outer[4:], uint16(len(extension)+len(inner)))
	return append(append(append(ethernet(0x86dd), outer...), extension...), inner...)
}

// ipv6 is a header with hop limit 7 and DSCP 46.
func ipv6(src, dst netip.Addr, next, mark byte) []byte {
	class := byte(46<<2 | mark)
	header := append([]byte{6<<4 | class>>4, class << 4, 0, 0, 0, 0, next, 7}, src.AsSlice()...)
	return append(header, dst.AsSlice()...)
}

func ipv4(mark byte) []byte {
	header := []byte{4<<4 | 5, 46<<2 | mark, 0, 20, 0, 1, 0, 0, 9, 59, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}
	binary.BigEndian.PutUint16(header[10:], checksum(header))
	return header
}

// checksum is 0 over a header with the right one.
func checksum(header []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func markOf(header []byte) byte {
	if header[0]>>4 == 4 {
		return header[1] & 3
	}
	return header[1] >> 4 & 3
}

func swapAddresses(header []byte) {
	var address [16]byte
	copy(address[:], header[8:24])
	copy(header[8:24], header[24:40])
	copy(header[24:40], address[:])
}
