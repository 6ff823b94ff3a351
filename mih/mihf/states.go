package mihf

import (
	"time"

	"netlmm/mih"
)

// PeerState is what is known of a peer.
type PeerState uint8

// States of a peer.
const (
	PeerUnknown PeerState = iota // nothing was exchanged yet
	PeerUp                       // the latest message was acknowledged or answered
	PeerDown                     // the latest was not
)

// String is the state's name for people and JSON.
func (s PeerState) String() string { return [...]string{"unknown", "up", "down"}[s] }

// MarshalText writes the form of String.
func (s PeerState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LinkState is the state of a link.
type LinkState uint8

// States of a link.
const (
	LinkDown LinkState = iota
	LinkUp
	LinkGoingDown
)

// String is the state's name for people and JSON.
func (s LinkState) String() string {
	switch s {
	case LinkUp:
		return "up"
	case LinkGoingDown:
		return "going_down"
	}
	return "down"
}

// MarshalText writes the form of String.
func (s LinkState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Link is one row of the table of links: a station and its latest attachment.
type Link struct {
	Station           mih.LinkAddress
	Type              mih.LinkType
	State             LinkState
	PointOfAttachment mih.LinkAddress
	Interface         string
	Identity          string
	Source            mih.MIHFID
	SAP               string
	Since             time.Time // start of the association, or of being down
	SignalStrength    int       // dBm, as last reported; 0: not known
}
