package transport

import (
	"encoding/binary"
	"errors"
)

const (
	protocolVersion = 1 // the first four bits of a header
	lengthOffset    = 6

	firstRoom    = 4 << 10 // most messages are of some hundred octets
	smallestRoom = 512     // that is worth a system call
)

// errBadVersion means that the other side does not speak MIH, or that one of us has lost count: no length is to be believed.
var errBadVersion = errors.New("not the header of a MIH message of version 1")

// frames cuts what arrives on a TCP connection into messages. Its buffer grows with what has arrived, not with what is
// announced, up to the longest message.
type frames struct {
	buffer     []byte
	start, end int // of what has arrived and is not handed out
}

// room is where the next octets go; there is always some once next has answered nil. Messages handed out before are
// overwritten.
func (f *frames) room() []byte {
	held, behind := f.end-f.start, len(f.buffer)-f.end
	if held > 0 && behind >= smallestRoom {
		return f.buffer[f.end:]
	}
	to := f.buffer
	if held > len(to)/2 || len(to) == 0 {
		if wanted := min(max(2*len(to), firstRoom), MaximumMessage); wanted > len(to) {
			to = make([]byte, wanted)
		}
	}
	copy(to, f.buffer[f.start:f.end])
	f.buffer, f.start, f.end = to, 0, held
	return f.buffer[f.end:]
}

// arrived says how many octets room has taken up.
func (f *frames) arrived(n int) { f.end += n }

// next is the next message; nil: it has not arrived as a whole.
func (f *frames) next() ([]byte, error) {
	held := f.buffer[f.start:f.end]
	if len(held) > 0 && held[0]>>4 != protocolVersion {
		return nil, errBadVersion
	}
	if len(held) < headerSize {
		return nil, nil
	}
	length := messageLength(held)
	if len(held) < length {
		return nil, nil
	}
	f.start += length
	return held[:length:length], nil
}

// partial says whether the beginning of a message has arrived.
func (f *frames) partial() bool { return f.end > f.start }

// messageLength is what the header, of at least 8 octets, says.
func messageLength(header []byte) int {
	return headerSize + int(binary.BigEndian.Uint16(header[lengthOffset:]))
}

// framed says whether a message can go into a stream: its header says its length.
func framed(message []byte) bool {
	return len(message) >= headerSize && message[0]>>4 == protocolVersion && messageLength(message) == len(message)
}
