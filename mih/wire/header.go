package wire

import (
	"encoding/binary"
	"fmt"
)

const (
	headerLength = 8
	version      = 1

	// MaximumMessage is the length in octets of the longest message: the header and a payload of 65,535.
	MaximumMessage = headerLength + 0xffff

	maximumTransaction = 0xfff
	maximumFragment    = 0x7f
)

// Bits of the first octet, below the version.
const (
	flagACKRequest      = 0x08
	flagACKResponse     = 0x04
	flagUnauthenticated = 0x02
	flagMoreFragments   = 0x01
)

// frame is a header with what fragmentation needs of it.
type frame struct {
	Header
	more     bool  // more fragments follow
	fragment uint8 // number of the fragment, from 0 on
	length   int   // octets after the header
}

func (f *frame) isFragment() bool { return f.more || f.fragment != 0 }

// Size is the number of octets of the message that begins with the given ones, of which there are eight at least: how much a
// receiver of a stream has to wait for. The error is a *DecodeError: the octets begin no message.
func Size(octets []byte) (int, error) {
	f, err := readFrame(octets)
	return headerLength + f.length, err
}

// readFrame reads the header. Reserved bits are ignored.
func readFrame(octets []byte) (f frame, err error) {
	if len(octets) < headerLength {
		return f, &DecodeError{len(octets), "header", fmt.Sprintf("ends after %d octets of %d", len(octets), headerLength), Drop}
	}
	flags := octets[0]
	f.ACKRequest, f.ACKResponse = flags&flagACKRequest != 0, flags&flagACKResponse != 0
	f.UnauthenticatedInformationRequest, f.more = flags&flagUnauthenticated != 0, flags&flagMoreFragments != 0
	f.fragment = octets[1] >> 1
	f.MessageID = MessageID(binary.BigEndian.Uint16(octets[2:]))
	f.TransactionID = binary.BigEndian.Uint16(octets[4:]) & maximumTransaction
	f.length = int(binary.BigEndian.Uint16(octets[6:]))
	if v := flags >> 4; v != version {
		return f, &DecodeError{0, "Version", fmt.Sprintf("is %d, want %d", v, version), Drop}
	}
	return f, nil
}

// appendFrame appends the header.
func appendFrame(dst []byte, f frame) []byte {
	flags := byte(version << 4)
	for _, flag := range [...]struct {
		set bool
		bit byte
	}{
		{f.ACKRequest, flagACKRequest}, {f.ACKResponse, flagACKResponse},
		{f.UnauthenticatedInformationRequest, flagUnauthenticated}, {f.more, flagMoreFragments},
	} {
		if flag.set {
			flags |= flag.bit
		}
	}
	dst = append(dst, flags, f.fragment<<1)
	dst = binary.BigEndian.AppendUint16(dst, uint16(f.MessageID))
	dst = binary.BigEndian.AppendUint16(dst, f.TransactionID)
	return binary.BigEndian.AppendUint16(dst, uint16(f.length))
}
