package ciscosyslog

import "hash/maphash"

// remembered is how many lines of a source are known again.
const remembered = 4096

// history knows the last lines of a source that were acted upon, by their hashes. An access point that sends what it had buffered once
// more over a new connection, or a network that delivers a datagram twice, must not undo what happened since.
type history struct {
	seed  maphash.Seed
	lines map[uint64]struct{}
	order [remembered]uint64
	next  int
	round bool // order is full
}

func newHistory() *history { return &history{seed: maphash.MakeSeed(), lines: map[uint64]struct{}{}} }

func (h *history) hash(from string, text []byte) uint64 {
	var m maphash.Hash
	m.SetSeed(h.seed)
	_, _ = m.WriteString(from)
	_ = m.WriteByte(0)
	_, _ = m.Write(text)
	return m.Sum64()
}

func (h *history) knows(line uint64) bool {
	_, known := h.lines[line]
	return known
}

func (h *history) add(line uint64) {
	if h.knows(line) {
		return
	}
	if h.round {
		delete(h.lines, h.order[h.next])
	}
	h.lines[line], h.order[h.next] = struct{}{}, line
	if h.next++; h.next == remembered {
		h.next, h.round = 0, true
	}
}
