package lma

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"

	"netlmm/mobility"
)

// maximumPoolBits bounds a pool to 2^48 prefixes, so that the indexes of all pools fit in 64 bits.
const maximumPoolBits = 48

// maximumPools bounds the pools for the same reason.
const maximumPools = 1024

// prefixPool hands out home network prefixes of one length. Every prefix of every pool has an index; finding a free one,
// taking and releasing cost the same however full the pools are.
type prefixPool struct {
	length  int
	pools   []poolRange
	indexes indexSet
}

// poolRange is one pool: its prefixes have the indexes first..first+size-1.
type poolRange struct {
	prefix      netip.Prefix
	first, size uint64
}

func newPrefixPool(prefixes []netip.Prefix, length int) (*prefixPool, error) {
	p := &prefixPool{length: length}
	var problems []error
	if length < 1 || length > 128 {
		return p, fmt.Errorf("lma: prefix length %d: want 1 to 128, and 64 for stateless address configuration", length)
	}
	if len(prefixes) > maximumPools {
		return p, fmt.Errorf("lma: %d pools: want at most %d, so use larger ones", len(prefixes), maximumPools)
	}
	total := uint64(0)
	for i, prefix := range prefixes {
		if err := checkPool(prefix, length, prefixes[:i]); err != nil {
			problems = append(problems, err)
			continue
		}
		size := uint64(1) << (length - prefix.Bits())
		p.pools = append(p.pools, poolRange{prefix: prefix, first: total, size: size})
		total += size
	}
	p.indexes = newIndexSet(total)
	return p, errors.Join(problems...)
}

func checkPool(prefix netip.Prefix, length int, others []netip.Prefix) error {
	switch {
	case !prefix.IsValid() || !prefix.Addr().Is6() || prefix.Addr().Is4In6() || prefix != prefix.Masked():
		return fmt.Errorf("lma: pool %s: want an IPv6 prefix without host bits such as 2001:db8:100::/48", prefix)
	case prefix.Bits() > length:
		return fmt.Errorf("lma: pool %s is smaller than one /%d: want a shorter prefix", prefix, length)
	case length-prefix.Bits() > maximumPoolBits:
		return fmt.Errorf("lma: pool %s holds more than 2^%d prefixes of length %d: want a longer prefix", prefix, maximumPoolBits, length)
	}
	for _, other := range others {
		if other.Overlaps(prefix) {
			return fmt.Errorf("lma: pools %s and %s overlap: want each address in one pool only", other, prefix)
		}
	}
	return nil
}

// contains says whether prefix is one of the pools' prefixes, free or not.
func (p *prefixPool) contains(prefix netip.Prefix) bool {
	_, ok := p.index(prefix)
	return ok
}

// take marks prefix as used if it is a prefix of a pool; the owner index says whether it was free.
func (p *prefixPool) take(prefix netip.Prefix) {
	if i, ok := p.index(prefix); ok {
		p.indexes.take(i)
	}
}

// release is the counterpart of take.
func (p *prefixPool) release(prefix netip.Prefix) {
	if i, ok := p.index(prefix); ok {
		p.indexes.release(i)
	}
}

// attempts is how many prefixes of its own a mobile node tries before any free one.
const attempts = 8

// free chooses a free prefix for a mobile node that none of taken equals, without taking it: the first free of a few that
// the identifier alone determines, so that it is the same again after a restart, else any. False: the pools are exhausted.
func (p *prefixPool) free(id mobility.MobileNodeID, taken []netip.Prefix) (netip.Prefix, bool) {
	total := p.indexes.size
	if p.indexes.free <= uint64(len(taken)) {
		return netip.Prefix{}, false
	}
	seed := uint64(0)
	for ; seed < attempts; seed++ {
		if i := hashID(id, seed) % total; p.indexes.isFree(i) && !contains(taken, p.prefix(i)) {
			return p.prefix(i), true
		}
	}
	// More are free than taken names: one of len(taken)+1 neighbours in the free list is none of taken.
	start := hashID(id, seed)
	for n := uint64(0); ; n++ {
		if prefix := p.prefix(p.indexes.nthFree((start%p.indexes.free + n) % p.indexes.free)); !contains(taken, prefix) {
			return prefix, true
		}
	}
}

// hashID spreads an identifier over 64 bits, the same in every process.
func hashID(id mobility.MobileNodeID, seed uint64) uint64 {
	h := fnv.New64a()
	h.Write([]byte{byte(id.Subtype), byte(seed)})
	h.Write([]byte(id.Value))
	// FNV's last octets reach the low bits only; a multiply and a shift spread them (the finalizer of splitmix64).
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// index is the index of prefix, if it is a prefix of a pool.
func (p *prefixPool) index(prefix netip.Prefix) (uint64, bool) {
	if prefix.Bits() != p.length {
		return 0, false
	}
	for _, r := range p.pools {
		if r.prefix.Contains(prefix.Addr()) {
			return r.first + (number(prefix.Addr(), p.length) & (r.size - 1)), true
		}
	}
	return 0, false
}

// prefix is the prefix with index i.
func (p *prefixPool) prefix(i uint64) netip.Prefix {
	for _, r := range p.pools {
		if i < r.first+r.size {
			return netip.PrefixFrom(addNumber(r.prefix.Addr(), i-r.first, p.length), p.length)
		}
	}
	panic("lma: prefix index beyond the pools")
}

// number is the low 64 bits of the first length bits of a.
func number(a netip.Addr, length int) uint64 {
	b := a.As16()
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	shift := uint(128 - length)
	return lo>>shift | hi<<(64-shift) | hi>>(shift-64)
}

// addNumber puts n into the last bits of the first length bits of a, where a has zeros.
func addNumber(a netip.Addr, n uint64, length int) netip.Addr {
	b := a.As16()
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	shift := uint(128 - length)
	lo |= n << shift
	hi |= n>>(64-shift) | n<<(shift-64)
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	return netip.AddrFrom16(b)
}

func contains(prefixes []netip.Prefix, prefix netip.Prefix) bool {
	for _, p := range prefixes {
		if p == prefix {
			return true
		}
	}
	return false
}
