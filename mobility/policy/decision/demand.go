package decision

import (
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// demanded carries out what an AAA server asks for (RFC 5176). All sessions that it names are meant.
func (m *Machine) demanded(now time.Time, d policy.Demand) {
	names := namesIn(d)
	sessions := m.sessionsOf(names, d.Disconnect)
	if d.Disconnect {
		m.cache.forget(names) // also where the mobile node is not: it is asked about when it comes
		m.outdate(names)
	}
	m.do(DemandAnswered{d.Handle, m.meet(now, d, sessions)})
}

func (m *Machine) meet(now time.Time, d policy.Demand, sessions []*record) policy.ErrorCause {
	switch {
	case len(sessions) == 0:
		return policy.SessionContextNotFound
	case d.Disconnect:
		for _, r := range sessions {
			m.disconnect(now, r)
		}
		return 0
	case d.Reauthorize:
		for _, r := range sessions {
			m.cache.drop(r.asked())
			m.supersede(r)
			m.ask(r, d.State)
		}
		return policy.RequestInitiated
	}
	return m.grantChange(now, d, sessions)
}

// namesIn are the identifications of a demand.
func namesIn(d policy.Demand) (wanted []mobility.MobileNodeID) {
	if d.UserName != "" {
		wanted = append(wanted, userNamed(d.UserName))
	}
	for _, id := range d.Identifiers {
		wanted = append(wanted, mobility.NAI(id))
	}
	if mac, ok := d.LinkLayerID.MAC(); ok {
		wanted = append(wanted, mobility.EUI48(mac))
	}
	return wanted
}

// sessionsOf are the sessions that all of these names fit. One that roamed waits, and has its binding all the same.
func (m *Machine) sessionsOf(wanted []mobility.MobileNodeID, waits bool) []*record {
	if len(wanted) == 0 {
		return nil
	}
	sessions := slices.Clone(m.names[wanted[0]])
	return slices.DeleteFunc(sessions, func(r *record) bool {
		return r.state != served && !(waits && r.state == waiting) || slices.ContainsFunc(wanted, func(id mobility.MobileNodeID) bool { return !slices.Contains(r.names, id) })
	})
}

// userNamed is whom a User-Name means: a station that did not authenticate itself is asked about by its address.
func userNamed(name string) mobility.MobileNodeID {
	if id, err := mobility.ParseMobileNodeID(name); err == nil && id.Subtype == mobility.SubtypeEUI48 {
		return id
	}
	return mobility.NAI(name)
}

// outdate has answers under way not count that are about whom all of these names are of, also where the mobile node has left.
func (m *Machine) outdate(names []mobility.MobileNodeID) {
	for _, q := range m.queries {
		known := (&cached{asked: q.asked}).called()
		if len(names) > 0 && !slices.ContainsFunc(names, func(id mobility.MobileNodeID) bool { return !slices.Contains(known, id) }) {
			q.outdated = true
		}
	}
}

// supersede withdraws the question about a session: an answer under way is older than what the server demands now.
func (m *Machine) supersede(r *record) {
	if r.query != 0 {
		m.queries[r.query].outdated = true
	}
	m.withdraw(r)
}

// disconnect ends a session. Should the station be here still, or come again, the server is asked.
func (m *Machine) disconnect(now time.Time, r *record) {
	m.cache.drop(r.asked())
	m.supersede(r)
	m.remove(r)
	m.makesWay(r)
	m.do(Noted{Reason: Disconnected})
	m.do(Leave{r.Station, now})
	m.do(Disassociate{r.Station})
}

// grantChange changes all sessions or none. What the configuration says of a mobile node is not an AAA server's to change.
func (m *Machine) grantChange(now time.Time, d policy.Demand, sessions []*record) policy.ErrorCause {
	for _, r := range sessions {
		if r.source == policy.File {
			return policy.AdministrativelyProhibited
		}
		grant := changed(now, r, d.Changes)
		p, err := grant.Profile(r.MobileNodeID, m.config.Everybody)
		if err != nil || p.LMAAddress.IsValid() && m.anchors[p.LMAAddress] == nil {
			return policy.InvalidAttributeValue
		}
		if _, err := m.offload(d.Changes); err != nil {
			m.do(Noted{Reason: UnknownOffload, Err: err})
			return policy.InvalidAttributeValue
		}
	}
	for _, r := range sessions {
		verdict := policy.Verdict{Outcome: policy.Accepted, Grant: changed(now, r, d.Changes)}
		m.cache.put(now, r.asked(), verdict)
		m.supersede(r)
		m.judge(now, r, verdict, 0)
	}
	return 0
}

// changed is a grant with its changes. They extend no session unless they say so: Session-Timeout is the most that it may take
// (RFC 2865 section 5.27), and what is left of it counts from now.
func changed(now time.Time, r *record, changes policy.Grant) policy.Grant {
	grant := changes.Over(r.grant)
	if changes.SessionTimeout == 0 && (r.over || r.expires.IsSet()) {
		grant.SessionTimeout = max(r.expires.At.Sub(now), 1)
	}
	return grant
}
