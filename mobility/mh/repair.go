package mh

// RepairHeaderLen is for a peer known to round Header Len down (wire/pmipv6.md section 6, peer kind oai), whose last option runs
// past the end that Header Len gives. Where one to seven octets follow that end it returns a copy of the message that includes
// them, padded and with the Header Len that it should have had; anything else it returns as it is. What Decode then says of
// offsets holds for the payload too. A strict receiver does not call it: RFC 6275 section 6.1.1 gives these octets no meaning.
func RepairHeaderLen(payload []byte) []byte {
	if len(payload) < unit || payload[headerLenAt] == maxLength/unit-1 {
		return payload
	}
	declared := unit * (1 + int(payload[headerLenAt]))
	if beyond := len(payload) - declared; beyond <= 0 || beyond >= unit {
		return payload
	}
	repaired := make([]byte, declared+unit) // the rest is zero, which is Pad1
	copy(repaired, payload)
	repaired[headerLenAt]++
	return repaired
}
