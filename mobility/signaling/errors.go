package signaling

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// SendReason is why a message could not be sent; its text is a metric label.
type SendReason string

// Reasons of a SendError.
const (
	Filtered        SendReason = "filtered"          // EPERM, EACCES: a packet filter or an IPsec policy refused it
	Unreachable     SendReason = "unreachable"       // no route or no neighbour
	SourceNotOurs   SendReason = "source_not_ours"   // the source address is not on this host
	BufferFull      SendReason = "buffer_full"       // the socket's or the device's queue is full
	TooBig          SendReason = "too_big"           // larger than the path or the Mobility Header allows
	InvalidAddress  SendReason = "invalid_address"   // not a unicast address of the socket's family
	OtherSendReason SendReason = "other_send_reason" // whatever else the kernel said
)

var sendReasons = [...]SendReason{Filtered, Unreachable, SourceNotOurs, BufferFull, TooBig, InvalidAddress, OtherSendReason}

// SendError says that one message did not leave and why. None is fatal to the Conn: the sender retransmits at its pace.
type SendError struct {
	Source, Destination netip.Addr
	Reason              SendReason
	Err                 error // the kernel's, may be nil
}

// Error names the problem and the remedy.
func (e *SendError) Error() string {
	head := fmt.Sprintf("mobility header from %s to %s not sent: ", e.Source, e.Destination)
	switch e.Reason {
	case Filtered:
		return head + "a packet filter or IPsec policy refused it (is the security association up? see `nft list ruleset`, `ip xfrm policy`)"
	case Unreachable:
		return fmt.Sprintf("%sno route or no neighbour (see `ip route get %s`): %v", head, e.Destination, e.Err)
	case SourceNotOurs:
		return fmt.Sprintf("%sthe source is no usable address of this host (see `ip addr`): %v", head, e.Err)
	case TooBig:
		return head + "it is too big"
	case InvalidAddress:
		return head + "both must be unicast addresses of the socket's family (IPv6, or IPv4 for UDP port 5436) that are not link-local"
	}
	return fmt.Sprintf("%s%v", head, e.Err)
}

// Unwrap returns the kernel's error.
func (e *SendError) Unwrap() error { return e.Err }

func reasonOf(err error) SendReason {
	is := func(targets ...error) bool {
		return slices.ContainsFunc(targets, func(t error) bool { return errors.Is(err, t) })
	}
	switch {
	case is(unix.EPERM, unix.EACCES):
		return Filtered
	case is(unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN, unix.ENODEV):
		return Unreachable
	case is(unix.EADDRNOTAVAIL, unix.EINVAL):
		return SourceNotOurs
	case is(unix.EAGAIN, unix.ENOBUFS, unix.ENOMEM):
		return BufferFull
	case is(unix.EMSGSIZE):
		return TooBig
	}
	return OtherSendReason
}
