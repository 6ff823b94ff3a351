package tunnelerror

import (
	"encoding/binary"
	"net/netip"
)

const (
	headerIPv6 = 40
	// quotedIPv6 is how much of a packet an ICMPv6 error quotes, so that it is no larger than every link carries (RFC 4443 section 2.4 c).
	quotedIPv6 = minimumMTU - headerIPv6 - 8
)

// aboutIPv6: RFC 2473 section 8.2.
func (e Error) aboutIPv6(quoted []byte) (Report, Reason) {
	if len(quoted) < headerIPv6 {
		return Report{}, Malformed
	}
	r := Report{Original: Packet{netip.AddrFrom16([16]byte(quoted[8:24])), netip.AddrFrom16([16]byte(quoted[24:40]))}}
	if !r.Original.single() {
		return Report{}, NoSource
	}
	if why := answerable(quoted); why != "" {
		return Report{}, why
	}
	if e.Type == timeExceeded && e.AtEntry {
		r.Message = message(timeExceeded, hopLimitExceeded, 0, quoted, quotedIPv6)
		return r, ""
	}
	if e.Type != packetTooBig {
		r.Message = message(unreachable, addressUnreachable, 0, quoted, quotedIPv6)
		return r, ""
	}
	if length := headerIPv6 + int(binary.BigEndian.Uint16(quoted[4:])); length <= minimumMTU {
		return Report{}, EntryCuts // what no IPv6 host makes smaller
	}
	r.Message = message(packetTooBig, 0, max(e.room(), minimumMTU), quoted, quotedIPv6)
	return r, ""
}

// Next Header values.
const (
	hopByHop           = 0
	routing            = 43
	fragment           = 44
	icmpIPv6           = 58
	destinationOptions = 60
)

const (
	mostExtensions = 8   // more are no packet of an honest host
	redirect       = 137 // of ICMPv6
	firstNoError   = 128 // ICMPv6 types below are errors
)

// answerable looks behind the extension headers of an IPv6 packet: there is no error about an error or about a redirect (RFC
// 4443 section 2.4 e). A packet whose upper layer the router did not quote could be one.
func answerable(quoted []byte) Reason {
	next, rest := quoted[6], quoted[headerIPv6:]
	for range mostExtensions {
		switch next {
		case hopByHop, routing, destinationOptions, fragment:
		case icmpIPv6:
			switch {
			case len(rest) == 0:
				return Malformed
			case rest[0] < firstNoError || rest[0] == redirect:
				return AboutError
			}
			return ""
		default:
			return ""
		}
		if len(rest) < 8 {
			return Malformed
		}
		length := 8 + 8*int(rest[1])
		if next == fragment {
			if binary.BigEndian.Uint16(rest[2:])>>3 != 0 {
				return Fragment
			}
			length = 8
		}
		if len(rest) < length {
			return Malformed
		}
		next, rest = rest[0], rest[length:]
	}
	return Malformed
}

// single says whether one node sent the packet to one other.
func (p Packet) single() bool {
	for _, a := range []netip.Addr{p.Source, p.Destination} {
		if !a.IsGlobalUnicast() || a.Is4In6() { // which a limited broadcast is not either
			return false
		}
	}
	return true
}
