package policy

import "netlmm/mobility"

// QueryID names a question to an AAA server.
type QueryID uint64

// Query asks an AAA server about a mobile node that attached (RFC 6572 section 5).
type Query struct {
	ID                QueryID
	MobileNodeID      mobility.MobileNodeID // an NAI, or the address of a station that did not authenticate itself
	LinkLayerID       mobility.MobileNodeLinkLayerID
	PointOfAttachment mobility.MobileNodeLinkLayerID
	PortType          uint32 // NAS-Port-Type (RFC 2865 section 5.41), such as 19 for IEEE 802.11; 0: not known
	State             []byte // of the CoA-Request that asks for this; then it is Authorize Only (RFC 5176 section 3.2)
	Anyway            bool   // it has just come and is not served without an answer: a server is asked although all are taken for dead
	AtOnce            bool   // it has just come and is served without an answer as well: it waits for no server that is taken for dead
}

// Outcome is how a question ended.
type Outcome uint8

// Outcomes of questions.
const (
	Silent   Outcome = iota // no server answered in time, or nobody could be asked
	Accepted                // Access-Accept
	Rejected                // Access-Reject, or an Access-Accept that nothing can be made of
)

// Verdict is the answer to a Query.
type Verdict struct {
	Outcome Outcome
	Grant   Grant // when accepted
}

// Demand is what an AAA server asks for by itself (RFC 5176). All identifications that it has must fit a session.
type Demand struct {
	Handle      uint64 // for the answer
	Disconnect  bool   // Disconnect-Request; else CoA-Request
	UserName    string
	LinkLayerID mobility.MobileNodeLinkLayerID // Calling-Station-Id
	Identifiers []string                       // Mobile-Node-Identifier, Chargeable-User-Identity
	Reauthorize bool                           // Service-Type Authorize Only: the gateway is to ask, with State
	State       []byte
	Changes     Grant
}

// ErrorCause is the Error-Cause attribute (RFC 5176 section 3.5); 0: the demand was met.
type ErrorCause uint32

// Error causes that a gateway answers with.
const (
	UnsupportedAttribute       ErrorCause = 401
	MissingAttribute           ErrorCause = 402
	NASIdentificationMismatch  ErrorCause = 403
	UnsupportedService         ErrorCause = 405
	InvalidAttributeValue      ErrorCause = 407
	AdministrativelyProhibited ErrorCause = 501
	SessionContextNotFound     ErrorCause = 503
	ResourcesUnavailable       ErrorCause = 506
	RequestInitiated           ErrorCause = 507
)
