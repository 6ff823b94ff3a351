package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"netlmm/mobility"
)

// Realm gives the mobile nodes of a realm anchors of their own.
type Realm struct {
	Pattern string // what stands behind the last @ of an NAI, with * for any text
	LMAs    []netip.Addr
}

// ParseRealm checks a pattern. Realms are domain names, in which case does not count (RFC 7542 section 2.4).
func ParseRealm(pattern string) (string, error) {
	if pattern == "" || len(pattern) > longestPattern || strings.ContainsAny(pattern, "@ ") {
		return "", errors.New("want what stands behind the @ of an NAI, with * for any text, such as *.example.net")
	}
	return strings.ToLower(pattern), nil
}

// Selection is how one of several anchors is chosen for a mobile node whose profile names none.
type Selection string

// Ways to choose an anchor.
const (
	First Selection = "first" // the first one of the list that is alive
	Hash  Selection = "hash"  // by the mobile node's identifier: each keeps its own however many others come or go
)

// Anchors chooses anchors (RFC 5213 section 6.2; RFC 6097 leaves the way open).
type Anchors struct {
	LMAs      []netip.Addr
	Realms    []Realm
	Selection Selection
}

// Candidates are the anchors of a mobile node: those of the first realm that fits it, else all.
func (a *Anchors) Candidates(id mobility.MobileNodeID) []netip.Addr {
	if id.Subtype == mobility.SubtypeNAI {
		_, realm, _ := cutLast(id.Value, "@")
		realm = strings.ToLower(realm)
		for _, r := range a.Realms {
			if match(r.Pattern, realm) {
				return r.LMAs
			}
		}
	}
	return a.LMAs
}

// Choose is the anchor of a mobile node among those that are alive; when none is, among all of its own: it waits for that one. zero:
// there are no anchors.
func (a *Anchors) Choose(id mobility.MobileNodeID, alive func(netip.Addr) bool) netip.Addr {
	candidates := a.Candidates(id)
	if lma := a.best(id, candidates, alive); lma.IsValid() {
		return lma
	}
	return a.best(id, candidates, func(netip.Addr) bool { return true })
}

func (a *Anchors) best(id mobility.MobileNodeID, candidates []netip.Addr, alive func(netip.Addr) bool) (best netip.Addr) {
	var highest uint64
	for _, lma := range candidates {
		switch {
		case !alive(lma):
		case a.Selection != Hash:
			return lma
		default:
			if s := score(id, lma); !best.IsValid() || s > highest || s == highest && lma.Less(best) {
				best, highest = lma, s
			}
		}
	}
	return best
}

// score is the weight of an anchor for a mobile node (rendezvous hashing): the highest one has it. When an anchor goes, only those
// that it had are shared out among the others.
func score(id mobility.MobileNodeID, lma netip.Addr) uint64 {
	address := lma.As16()
	sum := sha256.Sum256(fmt.Appendf(nil, "%d:%s:%s", id.Subtype, address[:], id.Value))
	return binary.BigEndian.Uint64(sum[:])
}

// cutLast is strings.Cut at the last separator; an NAI may have quoted ones before.
func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}
