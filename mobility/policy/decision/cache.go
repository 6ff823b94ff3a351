package decision

import (
	"container/list"
	"maps"
	"slices"
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

// cache holds answers. The least recently stored rejection is first in line to go, so that strangers push out nobody's grant, and
// after the rejections the least recently stored grant.
type cache struct {
	most               int
	entries            map[asked]*list.Element // of *cached
	rejections, grants *list.List
	names              map[mobility.MobileNodeID]map[asked]bool // by all that a server may call somebody
}

func newCache(most int) *cache {
	return &cache{most: most, entries: map[asked]*list.Element{}, rejections: list.New(), grants: list.New(), names: map[mobility.MobileNodeID]map[asked]bool{}}
}

// called are the names of an entry.
func (c *cached) called() []mobility.MobileNodeID {
	names := []mobility.MobileNodeID{c.id}
	if mac, ok := c.linkLayerID.MAC(); ok {
		names = append(names, mobility.EUI48(mac))
	}
	for _, nai := range []string{c.verdict.Grant.MobileNodeID, c.verdict.Grant.ChargeableUserIdentity} {
		if nai != "" {
			names = append(names, mobility.NAI(nai))
		}
	}
	return names
}

func (c *cache) len() int { return c.rejections.Len() + c.grants.Len() }

// order is the line that an answer stands in.
func (c *cache) order(v policy.Verdict) *list.List {
	if v.Outcome == policy.Rejected {
		return c.rejections
	}
	return c.grants
}

func (c *cache) put(now time.Time, who asked, verdict policy.Verdict) {
	c.drop(who)
	if c.most == 0 || verdict.Outcome == policy.Rejected && c.grants.Len() >= c.most {
		return
	}
	for c.len() >= c.most {
		first := c.rejections.Front()
		if first == nil {
			first = c.grants.Front()
		}
		c.drop(first.Value.(*cached).asked)
	}
	entry := &cached{who, verdict, now}
	c.entries[who] = c.order(verdict).PushBack(entry)
	for _, name := range entry.called() {
		if c.names[name] == nil {
			c.names[name] = map[asked]bool{}
		}
		c.names[name][who] = true
	}
}

// forget drops the answers about whom all of these names are of.
func (c *cache) forget(names []mobility.MobileNodeID) {
	if len(names) == 0 {
		return
	}
	for who := range maps.Clone(c.names[names[0]]) {
		if !slices.ContainsFunc(names, func(name mobility.MobileNodeID) bool { return !c.names[name][who] }) {
			c.drop(who)
		}
	}
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
	element := c.entries[who]
	if element == nil {
		return
	}
	entry := element.Value.(*cached)
	for _, name := range entry.called() {
		delete(c.names[name], who)
		if len(c.names[name]) == 0 {
			delete(c.names, name)
		}
	}
	c.order(entry.verdict).Remove(element)
	delete(c.entries, who)
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
