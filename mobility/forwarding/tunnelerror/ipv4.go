package tunnelerror

import (
	"encoding/binary"
	"net/netip"
)

const (
	headerIPv4 = 20
	// quotedIPv4 is how much of a packet an ICMP error quotes, so that it has no more than 576 octets (RFC 1812 section 4.3.2.3).
	quotedIPv4 = 576 - headerIPv4 - 8

	dontFragment = 0x4000
	offsetMask   = 0x1fff
	icmpIPv4     = 1

	unreachableIPv4     = 3 // of ICMP
	hostUnreachable     = 1
	fragmentationNeeded = 4
)

// aboutIPv4: RFC 2473 section 8.3.
func (e Error) aboutIPv4(quoted []byte) (Report, Reason) {
	if len(quoted) < headerIPv4 {
		return Report{}, Malformed
	}
	length := 4 * int(quoted[0]&15)
	if length < headerIPv4 || len(quoted) < length+8 { // the least that an error quotes (RFC 792)
		return Report{}, Malformed
	}
	r := Report{Original: Packet{netip.AddrFrom4([4]byte(quoted[12:16])), netip.AddrFrom4([4]byte(quoted[16:20]))}}
	flags := binary.BigEndian.Uint16(quoted[6:])
	switch {
	case !r.Original.single():
		return Report{}, NoSource
	case flags&offsetMask != 0:
		return Report{}, Fragment
	case quoted[9] == icmpIPv4 && isErrorIPv4(quoted[length]):
		return Report{}, AboutError
	case e.Type == packetTooBig && flags&dontFragment == 0:
		return Report{}, EntryCuts
	}
	if e.Type == packetTooBig {
		r.Message = message(unreachableIPv4, fragmentationNeeded, min(e.room(), 65535), quoted, quotedIPv4)
	} else {
		r.Message = message(unreachableIPv4, hostUnreachable, 0, quoted, quotedIPv4)
	}
	binary.BigEndian.PutUint16(r.Message[2:], checksum(r.Message))
	return r, ""
}

// isErrorIPv4 says whether a type of ICMP is an error (RFC 1122 section 3.2.2).
func isErrorIPv4(kind uint8) bool {
	switch kind {
	case 3, 4, 5, 11, 12:
		return true
	}
	return false
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
