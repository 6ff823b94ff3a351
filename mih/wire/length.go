package wire

// oneOctet is the longest length that one octet tells: beyond it the first one counts those that hold the rest (Annex F.2).
const oneOctet = 128

// appendLength appends a length, or a number of elements: one octet up to 128, else 0x80 plus the number of octets that follow,
// which are the length less 128.
func appendLength(dst []byte, n int) []byte {
	if n <= oneOctet {
		return append(dst, byte(n))
	}
	rest := n - oneOctet
	size := LengthOctets(n) - 1
	dst = append(dst, 0x80|byte(size))
	for shift := 8 * (size - 1); shift >= 0; shift -= 8 {
		dst = append(dst, byte(rest>>shift))
	}
	return dst
}

// LengthOctets is how many octets it takes to tell a length, or a number of elements.
func LengthOctets(n int) int {
	if n <= oneOctet {
		return 1
	}
	size := 2
	for rest := (n - oneOctet) >> 8; rest > 0; rest >>= 8 {
		size++
	}
	return size
}

// readLength reads a length, and says how many octets it took: 0 when it is not there in whole. One beyond any message is as good
// as another.
func readLength(b []byte) (n, size int) {
	if len(b) == 0 {
		return 0, 0
	}
	if b[0] <= oneOctet {
		return int(b[0]), 1
	}
	size = 1 + int(b[0]&0x7f)
	if len(b) < size {
		return 0, 0
	}
	for _, octet := range b[1:size] {
		n = min(n<<8|int(octet), 1<<24)
	}
	return n + oneOctet, size
}
