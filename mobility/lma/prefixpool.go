package lma

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"netlmm/mobility"
)

// maximumPoolBits bounds a pool to 2^48 prefixes, so that the numbers of all pools fit in 64 bits.
const maximumPoolBits = 48

// maximumPools bounds the pools for the same reason.
const maximumPools = 1024

// denseFactor is how many times more prefixes than bindings a pool must have to do without a bit for each: a session has
// up to maximumPrefixesPerSession of them, so that one prefix in eight is taken at most.
const denseFactor = 8 * maximumPrefixesPerSession

// prefixPool hands out home network prefixes of one length. Every prefix of a pool has an index in it; finding a free one,
// taking and releasing cost the same however full the pools are.
type prefixPool struct {
	length int
	pools  []pool
}

// pool is one of the networks.
type pool struct {
	network netip.Prefix
	indexes indexSet
}

func newPrefixPool(prefixes []netip.Prefix, length, maximumBindings int) (*prefixPool, error) {
	var problems []error
	if length < 1 || length > 128 {
		return nil, fmt.Errorf("lma: prefix length %d: want 1 to 128, and 64 for stateless address configuration", length)
	}
	if len(prefixes) > maximumPools {
		return nil, fmt.Errorf("lma: %d pools: want at most %d, so use larger ones", len(prefixes), maximumPools)
	}
	p := &prefixPool{length: length}
	for i, prefix := range prefixes {
		if err := checkPool(prefix, length, prefixes[:i]); err != nil {
			problems = append(problems, err)
			continue
		}
		p.add(prefix, maximumBindings)
	}
	return p, errors.Join(problems...)
}

// add makes a network part of the pool.
func (p *prefixPool) add(network netip.Prefix, maximumBindings int) {
	size := uint64(1) << (p.length - network.Bits())
	p.pools = append(p.pools, pool{network, newIndexSet(size, size/denseFactor <= uint64(max(maximumBindings, 0)))})
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
	of, _ := p.find(prefix)
	return of != nil
}

// take marks a free prefix as used if it is a prefix of a pool.
func (p *prefixPool) take(prefix netip.Prefix) {
	if of, i := p.find(prefix); of != nil {
		of.indexes.take(i)
	}
}

// release is the counterpart of take.
func (p *prefixPool) release(prefix netip.Prefix) {
	if of, i := p.find(prefix); of != nil {
		of.indexes.release(i)
	}
}

// free is how many prefixes are not taken.
func (p *prefixPool) free() uint64 {
	total := uint64(0)
	for i := range p.pools {
		total += p.pools[i].indexes.free
	}
	return total
}

// attempts is how many prefixes of its own a mobile node tries before any free one.
const attempts = 8

// sparseAttempts is how many more it tries of a pool of which an eighth is taken at most.
const sparseAttempts = 200

// choose finds a prefix for a mobile node in the networks that are allowed, without taking it: the first usable one of a
// few that the identifier alone determines, so that it is the same again after a restart, else any. A prefix is usable
// when it is free and the request at hand has not got it yet. False: there is none.
func (p *prefixPool) choose(id mobility.MobileNodeID, allowed, usable func(netip.Prefix) bool) (netip.Prefix, bool) {
	total := uint64(0)
	for i := range p.pools {
		if of := &p.pools[i]; allowed(of.network) {
			total += of.indexes.size
		}
	}
	if total == 0 {
		return netip.Prefix{}, false
	}
	for seed := range uint64(attempts) {
		if prefix := p.nth(hashID(id, seed)%total, allowed); usable(prefix) {
			return prefix, true
		}
	}
	for i := range p.pools {
		if of := &p.pools[i]; of.indexes.free > 0 && allowed(of.network) {
			if prefix, ok := p.search(of, id, usable); ok {
				return prefix, true
			}
		}
	}
	return netip.Prefix{}, false
}

// nth is the n-th prefix of the networks that are allowed, counted over all of them.
func (p *prefixPool) nth(n uint64, allowed func(netip.Prefix) bool) netip.Prefix {
	for i := range p.pools {
		of := &p.pools[i]
		if !allowed(of.network) {
			continue
		}
		if n < of.indexes.size {
			return p.prefix(of, n)
		}
		n -= of.indexes.size
	}
	panic("lma: prefix index beyond the pools")
}

// search finds any usable prefix of one pool. What is free but not usable is what the request at hand has got already,
// which is not more than maximumPrefixesPerSession.
func (p *prefixPool) search(of *pool, id mobility.MobileNodeID, usable func(netip.Prefix) bool) (netip.Prefix, bool) {
	if !of.indexes.dense() {
		for seed := range uint64(sparseAttempts) {
			if prefix := p.prefix(of, hashID(id, attempts+seed)%of.indexes.size); usable(prefix) {
				return prefix, true
			}
		}
		return netip.Prefix{}, false
	}
	from := hashID(id, attempts) % of.indexes.size
	for range maximumPrefixesPerSession + 2 { // and once around the end
		i, ok := of.indexes.next(from)
		if !ok {
			from = 0
			continue
		}
		if prefix := p.prefix(of, i); usable(prefix) {
			return prefix, true
		}
		from = i + 1
	}
	return netip.Prefix{}, false
}

// hashID spreads an identifier over 64 bits, the same in every process.
func hashID(id mobility.MobileNodeID, seed uint64) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	x := (uint64(offset) ^ uint64(byte(id.Subtype))) * prime
	x = (x ^ uint64(byte(seed))) * prime
	for i := range len(id.Value) {
		x = (x ^ uint64(id.Value[i])) * prime
	}
	// FNV's last octets reach the low bits only; a multiply and a shift spread them (the finalizer of splitmix64).
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// find is the pool of prefix and its index there, if it is a prefix of a pool.
func (p *prefixPool) find(prefix netip.Prefix) (*pool, uint64) {
	if prefix.Bits() == p.length {
		for i := range p.pools {
			if of := &p.pools[i]; of.network.Contains(prefix.Addr()) {
				return of, number(prefix.Addr(), p.length) & (of.indexes.size - 1)
			}
		}
	}
	return nil, 0
}

// prefix is the prefix with index i of a pool.
func (p *prefixPool) prefix(of *pool, i uint64) netip.Prefix {
	return netip.PrefixFrom(addNumber(of.network.Addr(), i, p.length), p.length)
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
