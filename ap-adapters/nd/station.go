package nd

import (
	"container/list"
	"net/netip"
	"slices"
	"time"
)

const (
	maximumProbes    = 3 // MAX_UNICAST_SOLICIT of RFC 4861 section 10
	maximumAddresses = 4 // of a station, by which it is asked: the latest
)

// station is one that is up.
type station struct {
	mac       [6]byte
	addresses []netip.Addr // the latest first
	told      time.Time    // Link_Up
	heard     time.Time
	silent    *list.Element // nil: it has answered a probe, at any time
	asked     int           // probes since it was heard
	due       time.Time
	place     int // in the queue
}

// use notes an address by which the station can be asked.
func (s *station) use(a netip.Addr) {
	if i := slices.Index(s.addresses, a); i >= 0 {
		s.addresses = slices.Delete(s.addresses, i, i+1)
	}
	s.addresses = slices.Insert(s.addresses, 0, a)
	s.addresses = s.addresses[:min(len(s.addresses), maximumAddresses)]
}

// own are this host's addresses on the link, looked up now and then.
type own struct {
	linkLocal, ipv4 netip.Addr
	at              time.Time
}

// probe asks a station by each of its addresses. While the link is away that is as good as a probe that was lost.
func (l *link) probe(now time.Time, s *station) {
	if l.port == nil {
		return
	}
	if now.Sub(l.own.at) >= addressesStay {
		l.own.linkLocal, l.own.ipv4 = l.port.addresses()
		l.own.at = now
	}
	from, targets := l.port.linkLayer(), s.addresses
	if !slices.ContainsFunc(targets, netip.Addr.Is6) {
		targets = append(slices.Clone(targets), derived(s.mac))
	}
	for _, target := range targets {
		frame, err := []byte(nil), error(nil)
		switch {
		case target.Is4():
			frame = request(from, s.mac, l.own.ipv4, target)
		case l.own.linkLocal.IsValid():
			frame, err = solicitation(from, s.mac, l.own.linkLocal, target)
		default:
			l.adapter.counters.Count("no_address_to_probe_from")
			continue
		}
		if err == nil {
			err = l.port.write(frame, s.mac)
		}
		if err != nil {
			l.adapter.counters.Count("probe_errors")
			continue
		}
		l.adapter.counters.Count("probes")
	}
}

// queue holds the stations by the time when something is due (container/heap).
type queue []*station

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due.Before(q[j].due) }
func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push and Pop are for container/heap.
func (q *queue) Push(x any) {
	s := x.(*station)
	s.place = len(*q)
	*q = append(*q, s)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	s := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return s
}
