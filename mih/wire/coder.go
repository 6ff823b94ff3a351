package wire

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// coder walks through a value to write it, or to read it: every data type has one function that names its parts in order, so that
// what is written and what is read cannot differ. Reading never takes more from the octets than a TLV has; after the first error
// it goes on with nothing. Writing leaves the value as it is.
type coder struct {
	encoding bool
	msb0     bool   // reading: the first bit of a bitmap is its highest
	buf      []byte // the message; writing, as far as it is written
	at, end  int    // reading: the next octet, and the end of the TLV
	tlv      TLVType
	value    int // writing: where the value of the TLV begins
	err      error

	base      int // reading: the start of the payload in buf
	*tlvIndex     // reading what follows the identifiers
}

// tlvIndex is where the TLVs of a message that is read stand, and where its form has them.
type tlvIndex struct {
	places [endOfStandardTLVs]uint16 // in buf, from coder.base on; 0: it has none
	ranks  [endOfStandardTLVs]uint8  // in the form of the message, from 1 on; 0: it is not in there
	rank   uint8                     // of the latest
}

// fail keeps the first error, which is at the given offset when reading.
func (c *coder) fail(offset int, format string, args ...any) {
	problem := fmt.Sprintf(format, args...)
	switch {
	case c.err != nil:
	case c.encoding:
		c.err = fmt.Errorf("%s%s TLV: %s", errorPrefix, c.tlv, problem)
	default:
		c.err = &DecodeError{Offset: offset, Field: c.tlv.String() + " TLV", Problem: problem}
	}
	c.at = c.end
}

// take returns the next n octets of the TLV; nil when it has fewer.
func (c *coder) take(n int) []byte {
	if c.end-c.at < n {
		c.fail(c.at, "ends %d octets early", n-(c.end-c.at))
		return nil
	}
	c.at += n
	return c.buf[c.at-n : c.at]
}

// octet is UNSIGNED_INT(1) and ENUMERATED.
func octet[T ~uint8](c *coder, v *T) {
	if c.encoding {
		c.buf = append(c.buf, byte(*v))
	} else if b := c.take(1); b != nil {
		*v = T(b[0])
	}
}

// signedOctet is INTEGER(1).
func signedOctet(c *coder, v *int8) {
	u := uint8(*v)
	if octet(c, &u); !c.encoding {
		*v = int8(u)
	}
}

func uint16s[T ~uint16](c *coder, v *T) {
	if c.encoding {
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(*v))
	} else if b := c.take(2); b != nil {
		*v = T(binary.BigEndian.Uint16(b))
	}
}

func uint32s[T ~uint32](c *coder, v *T) {
	if c.encoding {
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(*v))
	} else if b := c.take(4); b != nil {
		*v = T(binary.BigEndian.Uint32(b))
	}
}

func uint64s[T ~uint64](c *coder, v *T) {
	if c.encoding {
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(*v))
	} else if b := c.take(8); b != nil {
		*v = T(binary.BigEndian.Uint64(b))
	}
}

// bitmap8 and its like are BITMAP(N), bit i being 1<<i of the big-endian integer.
func bitmap8[T ~uint8](c *coder, v *T) {
	if octet(c, v); c.msb0 {
		*v = T(bits.Reverse8(uint8(*v)))
	}
}

func bitmap16[T ~uint16](c *coder, v *T) {
	if uint16s(c, v); c.msb0 {
		*v = T(bits.Reverse16(uint16(*v)))
	}
}

func bitmap32[T ~uint32](c *coder, v *T) {
	if uint32s(c, v); c.msb0 {
		*v = T(bits.Reverse32(uint32(*v)))
	}
}

func bitmap64[T ~uint64](c *coder, v *T) {
	if uint64s(c, v); c.msb0 {
		*v = T(bits.Reverse64(uint64(*v)))
	}
}

// boolean is BOOLEAN.
func boolean(c *coder, v *bool) {
	var u uint8
	if *v {
		u = 1
	}
	if octet(c, &u); u > 1 {
		c.fail(c.at-1, "BOOLEAN is %d", u)
	}
	if !c.encoding {
		*v = u == 1
	}
}

// fixed copies octets of a fixed number.
func fixed(c *coder, v []byte) {
	if c.encoding {
		c.buf = append(c.buf, v...)
	} else {
		copy(v, c.take(len(v)))
	}
}

// octets is OCTET_STRING: a length and as many octets.
func octets[T ~string](c *coder, v *T) {
	if c.encoding {
		c.buf = append(appendLength(c.buf, len(*v)), *v...)
		return
	}
	if n := c.length(1, "octets"); n > 0 {
		*v = T(c.take(n))
	} else {
		*v = ""
	}
}

// length reads a length or a number of elements that are not shorter than the given number of octets.
func (c *coder) length(least int, what string) int {
	n, size := readLength(c.buf[c.at:c.end])
	if size == 0 {
		c.fail(c.at, "ends within a length")
		return 0
	}
	if n > (c.end-c.at-size)/least {
		c.fail(c.at, "%d %s do not fit into what follows, %d octets", n, what, c.end-c.at-size)
		return 0
	}
	c.at += size
	return n
}

// listOf is LIST(T), each element having the given number of octets at least. A list that was read is not nil.
func listOf[T any](c *coder, v *[]T, least int, element func(*coder, *T)) {
	if c.encoding {
		c.buf = appendLength(c.buf, len(*v))
	} else {
		*v = make([]T, c.length(least, "elements"))
	}
	for i := range *v {
		if element(c, &(*v)[i]); c.err != nil {
			return
		}
	}
}

// choice is the selector of a CHOICE with so many alternatives.
func (c *coder) choice(selector *uint8, alternatives uint8) {
	if octet(c, selector); *selector >= alternatives {
		c.fail(c.at-1, "choice %d where %d is the last one", *selector, alternatives-1)
		*selector = 0
	}
}

// orNull is CHOICE(NULL, T), nil being NULL.
func orNull[T any](c *coder, v **T, item func(*coder, *T)) {
	if c.present(*v != nil) {
		if !c.encoding {
			*v = new(T)
		}
		item(c, *v)
	}
}

// present is the selector of a CHOICE(NULL, T).
func (c *coder) present(there bool) bool {
	var selector uint8
	if there {
		selector = 1
	}
	c.choice(&selector, 2)
	return selector == 1
}
