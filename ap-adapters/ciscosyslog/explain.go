package ciscosyslog

import "cmp"

const byUserName = "the station's address is only its user name, which a client may choose: believed of a source with user_name_is_address"

// Explanation is what the adapter would make of a line, for people: one JSON object.
type Explanation struct {
	Event             EventKind `json:"event"`
	Station           string    `json:"station"`
	PointOfAttachment string    `json:"point_of_attachment"`
	Identity          string    `json:"identity"`
	Reason            string    `json:"reason"`       // of the event or, when there is none, why there is none
	AccessPoint       string    `json:"access_point"` // its name, or that of the host that wrote the line
	Clock             string    `json:"clock"`        // as the line says; nothing depends on it
}

// Explain parses a line and says what came of it.
func Explain(line []byte) Explanation {
	r, err := Parse(line)
	e := Explanation{Event: None, AccessPoint: r.origin(), Clock: r.Header.Clock.String()}
	if err != nil {
		e.Reason = err.Error()
		return e
	}
	e.Event, e.Station, e.Identity, e.Reason = r.Event, r.Station.String(), r.Identity, r.Reason
	if r.ByUserName {
		e.Event, e.Reason = None, byUserName
	}
	if !r.PointOfAttachment.IsZero() {
		e.PointOfAttachment = r.PointOfAttachment.String()
	}
	return e
}

// origin is the access point that a line is about: the one that it names, else the host that wrote it.
func (r Record) origin() string { return cmp.Or(r.AccessPoint, r.Header.Host) }
