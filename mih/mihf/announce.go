package mihf

import (
	"time"

	"netlmm/mih/wire"
)

// announced is the latest Announce, whose answers are waited for a while.
type announced struct {
	transaction uint16
	until       time.Time
}

// announce tells a multicast group what is here (IEEE 802.21 section 8.3.1: without a destination). Nobody acknowledges what all are told.
func (m *MIHF) announce(now time.Time, group Endpoint) {
	m.announced = announced{m.discoveries, now.Add(m.cfg.ResponseTimeout)}
	m.discoveries = following(m.discoveries)
	header := wire.Header{TransactionID: m.announced.transaction}
	m.emit(group, m.encode(wire.Message{Header: header, Body: wire.CapabilityDiscoverRequest{Capabilities: m.cfg.Capabilities}}))
}

// answeredBy says whether a message answers the announcement.
func (a announced) answeredBy(now time.Time, msg *wire.Message) bool {
	return a.transaction != 0 && msg.Header.TransactionID == a.transaction && now.Before(a.until)
}
