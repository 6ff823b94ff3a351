package miis

import (
	"netlmm/mih"
	"netlmm/mih/wire"
)

// Bounds of what a Service does for one request.
const (
	maximumQueries  = 8     // in one request
	maximumResponse = 65000 // octets: what a message can hold beside two identifiers and a status
	maximumEntries  = 1024  // in each answer, when the configuration does not say
	publicQueries   = 1     // in one request of one who is not known
	publicResponse  = 1024  // octets for such a one: one datagram
	publicEntries   = 16    // in each answer to such a one
)

// Config says how a Service answers.
type Config struct {
	// Trusted reports whether an MIH Function may know everything. The others are told what one is told who says that its request is
	// not authenticated: what a point of attachment lets everybody hear. nil: all whose requests come here are trusted.
	Trusted func(mih.MIHFID) bool
	// RefuseUnauthenticated: the others are told nothing.
	RefuseUnauthenticated bool
	// MaximumEntries bounds what one query is answered, points of attachment or networks. 0: 1024.
	MaximumEntries int
	// MaximumResponse bounds the octets of an answer's information. 0: as many as a message can hold.
	MaximumResponse int
}

// ServiceCounters of a Service, since it was made.
type ServiceCounters struct {
	Requests        uint64 `json:"requests"`
	Rejected        uint64 `json:"rejected"`        // nothing in them that this service can answer, or too many queries
	Unauthenticated uint64 `json:"unauthenticated"` // of those who are told what everybody may know, or nothing
	Entries         uint64 `json:"entries"`         // told
	Cut             uint64 `json:"cut"`             // answers that had more to say than there was room for
}

// Service answers requests for information from a Map.
type Service struct {
	Map      *Map
	config   Config
	counters ServiceCounters
}

// NewService makes a service that answers from the map.
func NewService(m *Map, c Config) *Service {
	if c.MaximumEntries == 0 {
		c.MaximumEntries = maximumEntries
	}
	if c.MaximumResponse == 0 || c.MaximumResponse > maximumResponse {
		c.MaximumResponse = maximumResponse
	}
	return &Service{Map: m, config: c}
}

// Counters are those up to now.
func (s *Service) Counters() ServiceCounters { return s.counters }

// QueryTypes is what the service answers, for a capability discovery (TLV 7).
func (s *Service) QueryTypes() mih.QueryTypeList { return queryTypes }

// Handle answers the body of a request; nil for one that is not for this service.
func (s *Service) Handle(source mih.MIHFID, body wire.Body) wire.Body {
	request, ok := body.(wire.GetInformationRequest)
	if !ok {
		return nil
	}
	if s.config.Trusted != nil && !s.config.Trusted(source) {
		request.Unauthenticated = true
	}
	return s.Answer(request)
}

// Answer answers a request. Each binary query has its answer, in their order, empty when nothing matches. RDF and RDF schemas are not
// supported: their TLVs are absent from the answer, and a request for nothing else is rejected, as is one with too many queries, or
// with none that makes sense. The network type of a request is that of the querier's own network, and restricts nothing.
func (s *Service) Answer(request wire.GetInformationRequest) wire.GetInformationResponse {
	s.counters.Requests++
	if request.Unauthenticated {
		s.counters.Unauthenticated++
		if s.config.RefuseUnauthenticated {
			return wire.GetInformationResponse{Status: mih.StatusAuthorizationFailure}
		}
	}
	answerable := false
	for _, q := range request.BinaryQueries {
		answerable = answerable || valid(q)
	}
	most := maximumQueries
	if request.Unauthenticated {
		most = publicQueries
	}
	if !answerable || len(request.BinaryQueries) > most {
		s.counters.Rejected++
		return wire.GetInformationResponse{Status: mih.StatusRejected}
	}
	var response wire.GetInformationResponse
	room := s.room(request)
	if room < emptyAnswer {
		s.counters.Cut++
		return response // not even empty answers fit
	}
	for _, q := range request.BinaryQueries {
		answer, octets := s.answer(q, room, request.Unauthenticated)
		response.BinaryAnswers = append(response.BinaryAnswers, answer)
		room -= octets - emptyAnswer
	}
	return response
}

// emptyAnswer is how many octets an answer takes that says nothing: its count.
const emptyAnswer = 1

// room is how many octets the first answer may take so that all fit, the others being empty.
func (s *Service) room(request wire.GetInformationRequest) int {
	most := s.config.MaximumResponse
	if request.MaximumSize != nil {
		most = min(most, int(*request.MaximumSize))
	}
	if request.Unauthenticated {
		most = min(most, publicResponse)
	}
	const tlvType = 1
	queries := len(request.BinaryQueries)
	return most - tlvType - wire.LengthOctets(most) - wire.LengthOctets(queries) - emptyAnswer*(queries-1)
}

// answer answers one query with so many octets at most, and says how many they are.
func (s *Service) answer(q mih.BinaryQuery, room int, unauthenticated bool) (mih.BinaryAnswer, int) {
	if !valid(q) {
		return mih.BinaryAnswer{}, emptyAnswer
	}
	most, skip := s.config.MaximumEntries, 0
	if unauthenticated {
		most = min(most, publicEntries)
	}
	if q.Limit != nil {
		skip = max(int(q.Limit.Start)-1, 0)
		if q.Limit.Maximum > 0 {
			most = min(most, int(q.Limit.Maximum))
		}
	}
	found := report{template: newTemplate(q.Template, unauthenticated), room: room, index: map[groupKey]*group{}}
	told := s.gather(&found, q, skip, most)
	s.counters.Entries += uint64(told)
	if told == 0 {
		return mih.BinaryAnswer{}, emptyAnswer
	}
	return found.answer(), found.size()
}

// gather adds parts to a report, without the first ones, and says how many.
func (s *Service) gather(found *report, q mih.BinaryQuery, skip, most int) (told int) {
	for r := range s.Map.selected(q) {
		if told == most {
			break
		}
		if skip > 0 {
			if found.pass(&r.current) {
				skip--
			}
			continue
		}
		switch found.add(&r.current) {
		case added:
			told++
		case full:
			s.counters.Cut++
			return told
		}
	}
	return told
}
