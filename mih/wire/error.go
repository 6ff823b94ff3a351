package wire

import "fmt"

// Reaction is what a receiver does about octets that are no message, beside counting them.
type Reaction uint8

// Reactions. With all but Drop the Message that comes with the error has its Header, Source and Destination.
const (
	Drop        Reaction = iota + 1 // silently: who sent it, or what, cannot be told
	Reassemble                      // it is a fragment, for a Reassembler
	Acknowledge                     // header and identifiers are sound: acknowledge where that is asked for, then drop
	Refuse                          // like Acknowledge, and it is a request: answer with a Status that is not success, where a response needs nothing of the request
)

const errorPrefix = "MIH message: "

// DecodeError says what is wrong with a message: where, in which field, and what to do.
type DecodeError struct {
	Offset   int    // octets from the start of the header
	Field    string // "Version", "Link identifier TLV", ...
	Problem  string
	Reaction Reaction
}

// Error implements error.
func (e *DecodeError) Error() string {
	return fmt.Sprintf("%s%s at offset %d: %s", errorPrefix, e.Field, e.Offset, e.Problem)
}
