package decision

import (
	"container/list"
	"net/netip"
	"slices"
	"time"

	"netlmm/internal/timers"
	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// Stations are judged anew in bursts, so that the MAG and its anchors are not told of all of them at once.
const (
	reviewBurst    = 50
	reviewInterval = 20 * time.Millisecond
)

// Defaults of Config.
const (
	defaultAnchorPatience = 5 * time.Second
	defaultStations       = 20000
	defaultRetryInterval  = 30 * time.Second
)

// state is what a station is to the gateway.
type state uint8

const (
	waiting  state = iota // for an answer, the first one
	withheld              // not served
	served                // the MAG was told
	states
)

// record is one station that is here.
type record struct {
	policy.Attachment
	state   state
	source  policy.Source
	grant   policy.Grant     // of RADIUS
	profile mobility.Profile // as served
	user    mobility.MobileNodeID
	pinned  bool           // the profile names the anchor
	sticky  netip.Addr     // the anchor that it had, and keeps while that lives
	bound   bool           // the anchor has accepted it
	ended   bool           // its binding ended, and only an attachment begins another one (RFC 5846)
	over    bool           // Session-Timeout has passed
	roams   bool           // it was served when it attached again: while it waits it has its binding, and is its user's device
	barred  bool           // by another device of the same user
	unsure  bool           // no server answered, nor anybody else
	since   time.Time      // its attachment, or that it was given another anchor
	query   policy.QueryID // under way; 0: none
	inLine  *list.Element  // in Machine.line
	order   []byte         // State of the order that the question follows
	known   bool           // when it came somebody knew it who need not be asked

	names   []mobility.MobileNodeID // in Machine.names
	expires timers.Timer            // Session-Timeout
	element *list.Element           // in Machine.stations
	review  bool                    // in Machine.reviews
}

// question is one that an AAA server was asked.
type question struct {
	asked
	record   *record // nil: nobody waits for the answer any more
	outdated bool    // a server demanded something since: the answer counts no more
}

// Machine decides.
type Machine struct {
	config  Config
	table   *policy.Table
	cache   *cache
	anchors map[netip.Addr]*anchor
	actions []Action
	timers  timers.Heap

	records  map[policy.Station]*record
	stations [states]*list.List // of *record, who has been in that state for the longest time first
	names    map[mobility.MobileNodeID][]*record
	queries  map[policy.QueryID]*question
	query    policy.QueryID // the last one
	line     *list.List     // of *record, that wait to be asked about

	reviews     []*record
	reviewTimer timers.Timer
	retry       timers.Timer // asks about the unsure ones again
}

// New makes a machine that decides by a table.
func New(c Config, table *policy.Table) *Machine {
	if c.AnchorPatience == 0 {
		c.AnchorPatience = defaultAnchorPatience
	}
	if c.MaximumStations == 0 {
		c.MaximumStations = defaultStations
	}
	if c.RetryInterval == 0 {
		c.RetryInterval = defaultRetryInterval
	}
	if len(c.Order) == 0 {
		c.Order = []policy.Source{policy.File}
	}
	m := &Machine{
		config: c, table: table, cache: newCache(c.MaximumCached), anchors: map[netip.Addr]*anchor{}, line: list.New(),
		records: map[policy.Station]*record{}, names: map[mobility.MobileNodeID][]*record{}, queries: map[policy.QueryID]*question{},
	}
	for i := range m.stations {
		m.stations[i] = list.New()
	}
	m.reviewTimer.Due = m.reviewSome
	m.retry.Due = m.askAgain
	m.addAnchors()
	return m
}

// Handle takes one event.
func (m *Machine) Handle(now time.Time, event Event) []Action {
	switch e := event.(type) {
	case Attached:
		m.attached(now, e.Attachment)
	case Detached:
		m.detached(e)
	case Answered:
		m.answered(now, e)
	case Reloaded:
		m.table = e.Table
		m.reviewAll(now, func(*record) bool { return true })
	case Registered:
		m.registered(now, e)
	case Ended:
		m.ended(e)
	case AnchorChanged:
		m.anchorChanged(now, e)
	case Demanded:
		m.demanded(now, e.Demand)
	}
	m.reviewNow(now)
	return m.take()
}

// Expire does everything whose deadline has passed.
func (m *Machine) Expire(now time.Time) []Action {
	m.timers.Expire(now)
	m.reviewNow(now)
	return m.take()
}

// NextDeadline is when Expire is to be called.
func (m *Machine) NextDeadline() (time.Time, bool) {
	return m.timers.Next()
}

func (m *Machine) do(a Action) { m.actions = append(m.actions, a) }

func (m *Machine) take() []Action {
	actions := m.actions
	m.actions = nil
	return actions
}

// newRecord remembers a station. When there are too many one gives way: first who is not served, then who is, which keeps its binding, and
// whom a changed policy reaches when it attaches again.
func (m *Machine) newRecord(now time.Time, a policy.Attachment) *record {
	for len(m.records) >= m.config.MaximumStations {
		for _, s := range []state{withheld, served, waiting} {
			if e := m.stations[s].Front(); e != nil {
				m.remove(e.Value.(*record))
				break
			}
		}
		m.do(Noted{Reason: StationForgotten})
	}
	r := &record{Attachment: a, since: now}
	r.expires.Due = func(time.Time) { m.sessionOver(r) }
	m.records[a.Station] = r
	r.element = m.stations[waiting].PushBack(r)
	m.name(r)
	return r
}

func (m *Machine) become(r *record, s state) {
	if r.state != s {
		m.stations[r.state].Remove(r.element)
		r.state, r.element = s, m.stations[s].PushBack(r)
	}
}

// name makes a record found by all that it is known by.
func (m *Machine) name(r *record) {
	m.unname(r)
	names := []mobility.MobileNodeID{r.MobileNodeID, r.user, r.profile.MobileNodeID}
	if r.grant.ChargeableUserIdentity != "" {
		names = append(names, mobility.NAI(r.grant.ChargeableUserIdentity))
	}
	if mac, ok := r.LinkLayerID.MAC(); ok {
		names = append(names, mobility.EUI48(mac))
	}
	for _, n := range names {
		if !n.IsZero() && !slices.Contains(r.names, n) {
			r.names = append(r.names, n)
			m.names[n] = append(m.names[n], r)
		}
	}
}

func (m *Machine) unname(r *record) {
	for _, n := range r.names {
		others := slices.DeleteFunc(m.names[n], func(other *record) bool { return other == r })
		if len(others) == 0 {
			delete(m.names, n)
		} else {
			m.names[n] = others
		}
	}
	r.names = nil
}

// remove forgets a station. The answer that it waits for is of use to the cache only.
func (m *Machine) remove(r *record) {
	m.timers.Stop(&r.expires)
	m.withdraw(r)
	m.unname(r)
	m.stations[r.state].Remove(r.element)
	if m.records[r.Station] == r {
		delete(m.records, r.Station)
	}
}

func (m *Machine) withdraw(r *record) {
	if r.inLine != nil {
		m.line.Remove(r.inLine)
		r.inLine = nil
	}
	if r.query != 0 {
		m.queries[r.query].record = nil
		r.query = 0
	}
}

// ended forgets a station that nobody says is still here; the end of a binding that an attachment since then replaced says nothing.
func (m *Machine) ended(e Ended) {
	r := m.records[e.Station]
	if r == nil || r.since.After(e.Attached) {
		return
	}
	r.bound, r.ended = false, true
	if e.Gone && r.state == served {
		m.remove(r)
		m.makesWay(r)
	}
}

// Counts are figures for an operator.
type Counts struct {
	Served   int `json:"served"`
	Withheld int `json:"withheld"`
	Waiting  int `json:"waiting"` // for an answer
	Cached   int `json:"cached"`
	Profiles int `json:"profiles"` // identifiers in the table
}

// Counts looks at all stations.
func (m *Machine) Counts() (c Counts) {
	c.Served, c.Withheld = m.stations[served].Len(), m.stations[withheld].Len()
	for _, r := range m.records {
		if r.asks() {
			c.Waiting++
		}
	}
	c.Cached, c.Profiles = m.cache.len(), m.table.Len()
	return c
}
