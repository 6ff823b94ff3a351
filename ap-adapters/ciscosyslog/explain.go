package ciscosyslog

// Explanation is what the adapter would make of a line, for people: one JSON object.
type Explanation struct {
	Event             EventKind `json:"event"`
	Station           string    `json:"station"`
	PointOfAttachment string    `json:"point_of_attachment"`
	Identity          string    `json:"identity"`
	Reason            string    `json:"reason"` // of the event or, when there is none, why there is none
}

// Explain parses a line and says what came of it.
func Explain(line []byte) Explanation {
	r, err := Parse(line)
	if err != nil {
		return Explanation{Event: None, Reason: err.Error()}
	}
	e := Explanation{Event: r.Event, Station: r.Station.String(), Identity: r.Identity, Reason: r.Reason}
	if !r.PointOfAttachment.IsZero() {
		e.PointOfAttachment = r.PointOfAttachment.String()
	}
	return e
}
