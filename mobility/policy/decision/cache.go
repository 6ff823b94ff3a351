package decision

import (
	"container/list"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// asked is whom a server was asked about: it may answer otherwise for another address of the same identity.
type asked struct {
	id          mobility.MobileNodeID
	linkLayerID mobility.MobileNodeLinkLayerID
}

// cached is what a server answered.
type cached struct {
	asked
	verdict policy.Verdict
	since   time.Time
}

// cache holds answers, the least recently stored one first in line to go.
type cache struct {
	most    int
	entries map[asked]*list.Element // of *cached
	order   *list.List
}

func newCache(most int) *cache {
	return &cache{most: most, entries: map[asked]*list.Element{}, order: list.New()}
}

func (c *cache) put(now time.Time, who asked, verdict policy.Verdict) {
	c.drop(who)
	if c.most == 0 {
		return
	}
	for c.order.Len() >= c.most {
		c.drop(c.order.Front().Value.(*cached).asked)
	}
	c.entries[who] = c.order.PushBack(&cached{who, verdict, now})
}

// get returns the answer about somebody, and how old it is.
func (c *cache) get(now time.Time, who asked) (verdict policy.Verdict, age time.Duration, ok bool) {
	element := c.entries[who]
	if element == nil {
		return verdict, 0, false
	}
	entry := element.Value.(*cached)
	return entry.verdict, now.Sub(entry.since), true
}

func (c *cache) drop(who asked) {
	if element := c.entries[who]; element != nil {
		c.order.Remove(element)
		delete(c.entries, who)
	}
}

// fresh says whether an answer of this age spares a question. What the server allows for a time is asked for again when that is over.
func (m *Machine) fresh(v policy.Verdict, age time.Duration) bool {
	if v.Outcome == policy.Rejected {
		return age < m.config.RejectLifetime
	}
	return age < m.config.CacheLifetime && (v.Grant.SessionTimeout == 0 || age < v.Grant.SessionTimeout)
}

// stale says whether an answer of this age is better than none.
func (m *Machine) stale(v policy.Verdict, age time.Duration) bool {
	return age < m.config.StaleLifetime && (v.Grant.SessionTimeout == 0 || age < v.Grant.SessionTimeout)
}
