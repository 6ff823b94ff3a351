// Package hold keeps packets to mobile nodes that are on their way (RFC 5949 section 3, RFC 5568 section 5.4), bounded, and sends them
// on, in their order and each once, as soon as the mobile node is there.
//
// A packet filter on the forwarding path hands packets to a held prefix to us by way of nfnetlink_queue. The kernel's own is dropped and a copy
// is kept, which goes out by a raw socket: a route is looked up for it when it leaves, whereas one that waits in the kernel has
// the route of the time when it came. Only so can what the previous gateway kept go to wherever the mobile node turned up.
//
// When nobody listens, because the daemon died, the kernel lets packets pass as if nothing was held.
package hold

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
)

// Config says what is held where.
type Config struct {
	Table string // of nftables, family inet, of our own; each daemon of a network namespace has another

	// AccessInterfaces are those on which mobile nodes are. What one of them sends to a mobile node that is held, by way of the
	// anchor, is held when it comes back, not when it leaves.
	AccessInterfaces []string
	// Tunnels are the devices by which packets enter tunnels, or what their names begin with, and a star. What is let out leaves by one
	// of these, or by an access interface, and by nothing else.
	Tunnels []string

	Limits Limits // zero: DefaultLimits
	// Ended is called with what became of a prefix, without delay to whatever called. It must not block, nor call the Holder. May be nil.
	Ended func(Report)
}

// Report is how the holding of one prefix ended.
type Report struct {
	Prefix                netip.Prefix
	Interface             string // of the entry that began it, as is the next
	MobileNodeLinkLayerID mobility.MobileNodeLinkLayerID

	Released bool   // or else what was kept was dropped
	Most     int    // packets kept at one time
	Out      int    // packets that went out, those included that came while others were on their way out
	Dropped  uint64 // packets, for whatever Reason but Overrun
	Hurried  bool   // they came faster than we passed them on, so that the last of them may have been overtaken
}

// Counters are the state of the whole, for operators.
type Counters struct {
	Prefixes int               `json:"prefixes"` // held now, or being let out
	Packets  int               `json:"packets"`  // kept now
	Octets   int               `json:"octets"`
	Released uint64            `json:"released"` // packets
	Dropped  map[string]uint64 `json:"dropped"`  // packets, by Reason
}

// gate is the packet filter that decides which packets come to us. Its methods may be called from any goroutine.
type gate interface {
	keep(prefix netip.Prefix) error // packets to prefix come to us from its return on
	open(prefix netip.Prefix) error // they pass us by from its return on
	forget(prefixes []netip.Prefix) error
	mend() error
	remove() error
}

// line is the queue by which they come.
type line interface {
	quiet() bool     // none waits to be read
	overrun() uint64 // packets that the kernel dropped
	mend() error
	close() error
}

// exit is where they leave.
type exit interface {
	send(octets []byte) error
	close() error
}

// errLater is what a sender says that has no room.
var errLater = errors.New("no room to send")

// Holder implements forwarding.Holder in the kernel of one network namespace. Its methods may be called from any goroutine.
type Holder struct {
	cfg  Config
	gate gate
	line line
	out  exit
	now  func() time.Time

	wake   chan struct{}
	done   chan struct{}
	tasks  sync.WaitGroup
	once   sync.Once
	closed error // what Close says

	mu       sync.Mutex
	store    *store
	passing  []netip.Prefix // which the gate still knows
	released uint64
	dropped  [reasons]uint64
	reports  []Report // not told yet
}

var _ forwarding.Holder = (*Holder)(nil)

func newHolder(cfg Config) *Holder {
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits
	}
	return &Holder{cfg: cfg, now: time.Now, store: newStore(cfg.Limits), wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// Hold implements forwarding.Holder. A prefix that is being let out is held again, behind what is still there. The place is there
// before the first packet can come.
func (h *Holder) Hold(e forwarding.Entry) error {
	h.mu.Lock()
	defer h.unlock()
	if k := h.store.kept[e.Prefix]; k != nil {
		k.drain = nil
		return nil
	}
	k := h.store.open(e)
	if err := h.gate.keep(e.Prefix); err != nil {
		h.store.close(k)
		return err
	}
	h.nudge()
	return nil
}

// Release implements forwarding.Holder. The first packets are out when it returns.
func (h *Holder) Release(prefix netip.Prefix) {
	h.mu.Lock()
	defer h.unlock()
	if k := h.store.kept[prefix]; k != nil && k.drain == nil {
		now := h.now()
		k.drain = newDrain(now, &k.meter, len(k.packets))
		h.letOut(k, now)
		h.passIdle(k, now)
		h.nudge()
	}
}

// Drop implements forwarding.Holder.
func (h *Holder) Drop(prefix netip.Prefix) {
	h.mu.Lock()
	defer h.unlock()
	if k := h.store.kept[prefix]; k != nil {
		_ = h.gate.open(prefix) // what comes although that failed is not kept; Mend sees to it
		h.end(k, false)
	}
}

// Mend implements forwarding.Holder.
func (h *Holder) Mend() error { return errors.Join(h.line.mend(), h.gate.mend()) }

// Counters are the counters now.
func (h *Holder) Counters() Counters {
	overrun := h.line.overrun()
	h.mu.Lock()
	defer h.mu.Unlock()
	c := Counters{Prefixes: len(h.store.kept), Packets: h.store.all.packets, Octets: h.store.all.octets, Released: h.released, Dropped: map[string]uint64{}}
	for r, n := range h.dropped {
		c.Dropped[Reason(r).String()] = n
	}
	c.Dropped[Overrun.String()] = overrun
	return c
}

// received takes one packet from the queue. octets are the caller's; whole says that they are all of it. keep is false when the
// kernel's own shall go its way.
func (h *Holder) received(octets []byte, whole bool) (keep bool) {
	addr, ok := destination(octets)
	if !ok {
		return false
	}
	h.mu.Lock()
	defer h.unlock()
	k := h.store.find(addr)
	if k == nil {
		return false
	}
	now := h.now()
	k.meter.count(now)
	if !whole {
		k.dropped++
		h.dropped[Unsendable]++
		return true
	}
	if refused, ok := h.store.push(k, append([]byte(nil), octets...), now); !ok {
		h.dropped[refused]++
	}
	if k.drain != nil {
		h.letOut(k, now)
		h.pass(k, now)
	}
	return true
}

// letOut sends what may leave now.
func (h *Holder) letOut(k *kept, now time.Time) {
	for len(k.packets) > 0 && k.drain.may(now) {
		switch err := h.out.send(k.packets[0].octets); {
		case errors.Is(err, errLater):
			return
		case err != nil:
			k.dropped++
			h.dropped[Unsendable]++
		default:
			k.out++
			h.released++
		}
		k.drain.out++
		h.store.pop(k)
	}
}

// pass has packets pass us by again once all that came to us have gone out. They must not overtake one that is on its way through
// us, so that this waits for a moment when there is none: just behind one, or when none has come for a while. One that comes within the
// fraction of a millisecond that this takes may still be overtaken. The time that a drain may take bounds the waiting.
func (h *Holder) pass(k *kept, now time.Time) {
	if len(k.packets) > 0 {
		return
	}
	hurried := !h.line.quiet()
	if hurried && !k.drain.over(now) {
		return
	}
	if now.Before(k.drain.refused.Add(chores)) {
		return
	}
	if h.gate.open(k.prefix) != nil { // then they come by us for longer
		k.drain.refused = now
		return
	}
	k.hurried = hurried
	h.end(k, true)
}

// passIdle is pass where no packet has just come.
func (h *Holder) passIdle(k *kept, now time.Time) {
	if now.Sub(k.meter.last) >= idle || k.drain.over(now) {
		h.pass(k, now)
	}
}

// end closes the books of k.
func (h *Holder) end(k *kept, released bool) {
	left := h.store.close(k)
	k.dropped += uint64(left)
	h.dropped[Gone] += uint64(left)
	h.passing = append(h.passing, k.prefix)
	h.reports = append(h.reports, Report{Prefix: k.prefix, Interface: k.access, MobileNodeLinkLayerID: k.station, Released: released, Most: k.most, Out: k.out, Dropped: k.dropped, Hurried: k.hurried})
}

// unlock tells what has ended.
func (h *Holder) unlock() {
	reports := h.reports
	h.reports = nil
	h.mu.Unlock()
	if h.cfg.Ended == nil {
		return
	}
	for _, r := range reports {
		h.cfg.Ended(r)
	}
}
