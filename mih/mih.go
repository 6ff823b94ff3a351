// Package mih is the vocabulary of IEEE 802.21 Media Independent Handover: identifiers of functions and links, link events, and
// the data types that messages carry (Annex F). Field names are the standard's. What the standard makes optional is a pointer,
// a nil slice or a zero LinkAddress when it is absent. It imports the standard library only and knows nothing of Proxy Mobile
// IPv6.
package mih

import "time"

// MIHFID identifies an MIH Function: an NAI of at most 253 octets (IEEE 802.21 Annex F.3.11). The empty one is the destination of
// a message to whom it may concern.
type MIHFID string

// MaximumMIHFID is the length in octets of the longest MIHF identifier.
const MaximumMIHFID = 253

// Status is STATUS: how a request ended.
type Status uint8

// Values of Status.
const (
	StatusSuccess              Status = 0
	StatusUnspecifiedFailure   Status = 1
	StatusRejected             Status = 2
	StatusAuthorizationFailure Status = 3
	StatusNetworkError         Status = 4
)

// String names the status in lower snake case, which is also its metric label.
func (s Status) String() string {
	return nameOf("status", uint8(s), "success", "unspecified_failure", "rejected", "authorization_failure", "network_error")
}

// Indication is a link event on its way from a link SAP to the users of an MIH Function, with what the event's source
// knew beyond the standard's fields.
type Indication struct {
	Source     MIHFID    // the MIH Function whose link SAP saw it
	SAP        string    // the adapter: "hostapd", "ciscosyslog", ...
	Interface  string    // local access interface that serves the point of attachment; "" when the source is remote
	Identity   string    // the station's authenticated identity (an NAI); "" when only its address is known
	ReceivedAt time.Time // when the SAP saw it
	Resync     bool      // found by comparing views with the access point; false: the SAP saw it happen
	Since      time.Time // with Resync, of a Link_Up: when the link came up, of a Link_Down: when it went; to the second; zero: not known
	Event      LinkEvent
}
