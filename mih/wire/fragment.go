package wire

import "fmt"

// Fragment cuts a message into fragments of at most limit octets, their headers included (IEEE 802.21 section 8.4.2): each has the
// header of the message with its own M, FN and length, and the next part of what follows the header, all parts but the last being of
// one length. A message that fits comes back as it is, the only element.
//
// Over UDP a message may be cut here or by IP but not by both, and over TCP it must not be (RFC 5677 section 6.1). The error says
// that the limit is too small for the 128 fragments that there can be, or that octets are no message.
func Fragment(octets []byte, limit int) ([][]byte, error) {
	f, err := readFrame(octets)
	switch {
	case err != nil:
		return nil, err
	case f.isFragment() || f.length != len(octets)-headerLength:
		return nil, fmt.Errorf("%sis not whole", errorPrefix)
	case len(octets) <= limit:
		return [][]byte{octets}, nil
	}
	payload := octets[headerLength:]
	part := limit - headerLength
	if part <= 0 || (len(payload)+part-1)/part > maximumFragment+1 {
		return nil, fmt.Errorf("%s%d octets do not go into %d fragments of %d", errorPrefix, len(octets), maximumFragment+1, limit)
	}
	var fragments [][]byte
	for len(payload) > 0 {
		n := min(part, len(payload))
		f.more, f.length = n < len(payload), n
		fragments = append(fragments, append(appendFrame(make([]byte, 0, headerLength+n), f), payload[:n]...))
		payload = payload[n:]
		f.fragment++
	}
	return fragments, nil
}

// IsFragment reports whether octets begin a fragment of a message.
func IsFragment(octets []byte) bool {
	f, err := readFrame(octets)
	return err == nil && f.isFragment()
}
