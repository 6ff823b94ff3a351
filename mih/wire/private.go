package wire

// Experimental TLVs of handover commands between MIH Functions of netlmm (101 to 255 are free for it). Others skip them.
const (
	TLVLoad     TLVType = 135 // of N2N_HO_Query_Resources response: percent of the room taken at each point of attachment that was asked for, an octet each; 255: not known
	TLVChannels TLVType = 136 // of Net_HO_Commit request: the channel of each target, an octet each; 0: not known
)

// Octets is the value of the TLV of this type among those that a message has beside its own, if it has one of this length.
func Octets(extra []TLV, t TLVType, length int) (octets []byte, ok bool) {
	for _, tlv := range extra {
		if tlv.Type == t && len(tlv.Value) == length {
			return []byte(tlv.Value), true
		}
	}
	return nil, false
}
