package hostapd

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"netlmm/mih"
)

// accessCategories is how many classes of service, each with a queue of its own, a station with WMM has (IEEE 802.11 section 10.2.4.2).
const accessCategories = 4

// transitionBit of the Extended Capabilities of a station: it takes BSS transition requests (IEEE 802.11 section 9.4.2.26).
const transitionBit = 19

// measured is what hostapd tells of the traffic and the abilities of a station. Drivers that measure nothing leave it out.
type measured struct {
	powerSave  bool
	wmm        bool
	transition bool     // it takes BSS transition requests
	rate       int      // of what is sent to the station, kb/s; 0: not told
	counters   counters // since the association
}

// counters of hostapd's driver.
type counters struct {
	told    bool
	bytes   uint64 // in both directions
	packets uint64 // sent to the station
	failed  uint64 // of these, not acknowledged
	failing bool   // failed is told, which the hostapd of few vendors does
}

func parseMeasured(flags string, values map[string]string) (m measured) {
	m.powerSave, m.wmm = strings.Contains(flags, "[PS]"), strings.Contains(flags, "[WMM]")
	m.transition = hasCapability(values["ext_capab"], transitionBit)
	hundreds, _, _ := strings.Cut(values["tx_rate_info"], " ") // in 100 kb/s; " mcs 7 shortGI" may follow
	if rate, err := strconv.ParseUint(hundreds, 10, 24); err == nil {
		m.rate = int(rate) * 100
	}
	number := func(key string) (uint64, bool) {
		n, err := strconv.ParseUint(values[key], 10, 63)
		return n, err == nil
	}
	sent, ok1 := number("tx_bytes")
	received, ok2 := number("rx_bytes")
	packets, ok3 := number("tx_packets")
	failed, failing := number("tx_failed")
	m.counters = counters{told: ok1 && ok2 && ok3, bytes: sent + received, packets: packets, failed: failed, failing: failing}
	return m
}

// hasCapability reads one bit of an element of capabilities, in hexadecimal.
func hasCapability(text string, bit int) bool {
	octets, err := hex.DecodeString(text)
	return err == nil && bit/8 < len(octets) && octets[bit/8]&(1<<(bit%8)) != 0
}

// shortestSpan is the time between two readings of the counters that says something of a rate.
const shortestSpan = 200 * time.Millisecond

// traffic is what two readings of a station's counters say of the time between them.
type traffic struct {
	at         time.Time // of the later reading; zero: there was none
	counters   counters
	known      bool
	throughput int // kb/s, both directions
	failing    bool
	errorRate  int // percent
}

// read takes a reading. The first one is held against the start of the association.
func (t *traffic) read(now time.Time, s station) {
	c, from, span := s.counters, t.counters, now.Sub(t.at)
	if t.at.IsZero() {
		from, span = counters{failing: c.failing}, max(0, s.age)
	} else if span < shortestSpan {
		return
	}
	if !c.told {
		return
	}
	was := *t
	*t = traffic{at: now, counters: c}
	if was.at.IsZero() && span < time.Second { // hostapd tells seconds
		return
	}
	if c.bytes < from.bytes || c.packets < from.packets || c.failed < from.failed {
		return // the counters began anew
	}
	t.known, t.throughput = true, int(float64(c.bytes-from.bytes)*8/1000/span.Seconds())
	if packets := c.packets - from.packets; c.failing && from.failing && packets > 0 {
		t.failing, t.errorRate = true, int(min(100, 100*float64(c.failed-from.failed)/float64(packets)))
	}
}

// parameter is the value of a parameter of a station's link; false: hostapd does not tell it.
func (t *told) parameter(kind mih.LinkParameterType, s station) (p mih.LinkParameter, ok bool) {
	p.Type = kind
	switch kind {
	case mih.ParameterSignalStrength, mih.Parameter80211RSSI:
		p.Value, ok = s.signal, s.signal != 0
	case mih.ParameterDataRate:
		p.Value, ok = s.rate, s.rate != 0
	case mih.ParameterThroughput:
		p.Value, ok = t.traffic.throughput, t.traffic.known
	case mih.ParameterPacketErrorRate:
		p.Value, ok = t.traffic.errorRate, t.traffic.failing
	case mih.ParameterQoSClasses:
		if t.link.Link.Type == mih.LinkType80211 {
			p.QoS, ok = &mih.QoSValue{Kind: mih.QoSClasses, Classes: s.classes()}, true
		}
	}
	return p, ok
}

// classes is the number of classes of service of a station of IEEE 802.11, and of its queues.
func (s station) classes() uint8 {
	if s.wmm {
		return accessCategories
	}
	return 1
}

// measure evaluates what was read of a station.
func (s *session) measure(now time.Time, t *told, st station) {
	t.traffic.read(now, st)
	s.signal(now, t, st)
	s.askNeighbours(now, t, st)
	s.report(now, t, st, &s.watches.all)
	s.report(now, t, st, s.watches.of[st.address])
}
