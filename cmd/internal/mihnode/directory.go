package mihnode

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"netlmm/configs"
	"netlmm/mih"
)

// directory is the peers that there are, and what they have said of themselves.
type directory struct {
	mu      sync.Mutex
	entries []*entry // those of the configuration in their order, then those that were found
	last    uint64
	news    bool // some were found that have not been asked

	listening atomic.Pointer[map[netip.Addr]netip.AddrPort] // where who has an address listens
}

// entry is one peer.
type entry struct {
	configs.MIHPeer
	number uint64     // of its own, for ever
	id     mih.MIHFID // "" of one that has yet to say it
	said   bool       // it has answered
	found  bool       // and is not in the configuration
	asked  int        // how often it was, since it was found or forgot
}

// maximumAsks is how often one is asked that was found, until it is found again: it may be no MIH Function at all.
const maximumAsks = 6

func newDirectory(peers []configs.MIHPeer) *directory {
	d := &directory{}
	for _, p := range peers {
		d.add(entry{MIHPeer: p, id: p.MIHFID})
	}
	d.publish()
	return d
}

func (d *directory) add(e entry) {
	d.last++
	e.number = d.last
	d.entries = append(d.entries, &e)
}

// publish says anew who has which address. Of two at one address the first counts.
func (d *directory) publish() {
	listening := make(map[netip.Addr]netip.AddrPort, len(d.entries))
	for _, e := range d.entries {
		if _, known := listening[e.Address.Addr()]; !known {
			listening[e.Address.Addr()] = e.Address
		}
	}
	d.listening.Store(&listening)
}

// listens is where who has an address listens; false: nobody known has it.
func (d *directory) listens(a netip.Addr) (netip.AddrPort, bool) {
	at, known := (*d.listening.Load())[a]
	return at, known
}

// all are the peers as they are now.
func (d *directory) all() []entry {
	return d.those(func(*entry) bool { return true })
}

// unanswered are the peers that have not answered yet, to be asked.
func (d *directory) unanswered() []entry {
	return d.those(func(e *entry) bool {
		if e.said || e.found && e.asked >= maximumAsks {
			return false
		}
		e.asked++
		return true
	})
}

// grown says whether some were found since the last time.
func (d *directory) grown() (news bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	news, d.news = d.news, false
	return news
}

// has says whether a peer is there still.
func (d *directory) has(number uint64) bool {
	return len(d.those(func(e *entry) bool { return e.number == number })) > 0
}

func (d *directory) those(wanted func(*entry) bool) (list []entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		if wanted(e) {
			list = append(list, *e)
		}
	}
	return list
}

// forgetAnswers makes all of them unanswered.
func (d *directory) forgetAnswers() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		e.said, e.asked = false, 0
	}
}

// answer is what follows from an answer.
type answer int

const (
	known answer = iota // the peer has this identifier, or is gone
	named               // and had none before
	same                // it was found, and is one that is known by another address, or this end
	taken               // another has it, or this end: nobody becomes another by saying so
)

func (d *directory) answered(number uint64, id, own mih.MIHFID) (entry, answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := slices.IndexFunc(d.entries, func(e *entry) bool { return e.number == number })
	if i < 0 {
		return entry{}, known
	}
	e := d.entries[i]
	another := func(o *entry) bool { return o != e && o.id == id }
	switch {
	case e.id == id:
		e.said = true
		return *e, known
	case e.id != "", id == own, slices.ContainsFunc(d.entries, another):
		e.said = e.found
		if e.found {
			return *e, same
		}
		return *e, taken
	}
	e.id, e.asked = id, 0 // asked again as who it is: what it can do is known of a peer only
	return *e, named
}

// replace has these peers in the place of those that were found before, and returns who of these is gone.
func (d *directory) replace(found []configs.MIHPeer) (gone []mih.MIHFID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = slices.DeleteFunc(d.entries, func(e *entry) bool {
		left := e.found && !slices.ContainsFunc(found, func(p configs.MIHPeer) bool { return reachedAlike(p, e.MIHPeer) })
		if left && e.id != "" {
			gone = append(gone, e.id)
		}
		return left
	})
	for _, p := range found {
		if i := slices.IndexFunc(d.entries, func(e *entry) bool { return e.Address.Addr() == p.Address.Addr() }); i >= 0 {
			d.entries[i].asked = 0
		} else {
			d.add(entry{MIHPeer: p, found: true})
			d.news = true
		}
	}
	d.publish()
	return gone
}

func reachedAlike(a, b configs.MIHPeer) bool { return a.Address == b.Address && a.TCP == b.TCP }

// configured says whether a peer is one of the configuration.
func (d *directory) configured(id mih.MIHFID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.entries, func(e *entry) bool { return !e.found && (e.id == id || e.MIHPeer.MIHFID == id) })
}
