package transport

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SendReason is why a message was not sent; its text is a metric label.
type SendReason string

// Reasons of a SendError.
const (
	InvalidDestination SendReason = "invalid_destination" // not an address and port of a family and protocol that is open here
	InvalidMessage     SendReason = "invalid_message"     // over TCP, its length field is wrong: it would tear the stream apart
	TooBig             SendReason = "too_big"             // longer than a datagram to there can be
	Filtered           SendReason = "filtered"            // a packet filter or an IPsec policy refused it
	Unreachable        SendReason = "unreachable"         // no route, no neighbour, or not from this source
	BufferFull         SendReason = "buffer_full"         // of the socket or the device
	QueueFull          SendReason = "queue_full"          // of the TCP connection: the peer does not take what is sent to it
	TooManyPeers       SendReason = "too_many_peers"      // MaximumOutgoing connections are in use
	NotRunning         SendReason = "not_running"         // TCP outside of Run
	OtherSendReason    SendReason = "other_send_reason"   // whatever else the kernel said
)

var sendReasons = [...]SendReason{InvalidDestination, InvalidMessage, TooBig, Filtered, Unreachable, BufferFull, QueueFull, TooManyPeers, NotRunning, OtherSendReason}

// SendError says that one message did not leave and why.
type SendError struct {
	Destination Destination
	Reason      SendReason
	Maximum     int   // with TooBig: what would fit, in octets
	Err         error // the kernel's, may be nil
}

// Error names the problem and the remedy.
func (e *SendError) Error() string {
	text := string(e.Reason)
	switch e.Reason {
	case InvalidDestination:
		text = "no such destination for the addresses that are listened on"
	case InvalidMessage:
		text = "its length field does not say its length"
	case TooBig:
		text = fmt.Sprintf("it does not fit into one datagram of at most %d octets (cut it, or take TCP)", e.Maximum)
	case Filtered:
		text = "a packet filter or an IPsec policy refused it (see `nft list ruleset`, `ip xfrm policy`)"
	case Unreachable:
		text = fmt.Sprintf("no way there (see `ip route get %s`)", e.Destination.Addr.Addr())
	case QueueFull:
		text = "the peer has not taken what was sent to it before"
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return fmt.Sprintf("mih message to %s over %s not sent: %s", e.Destination.Addr, e.Destination.Protocol, text)
}

// Unwrap returns the kernel's error.
func (e *SendError) Unwrap() error { return e.Err }

var reasonOfErrno = map[unix.Errno]SendReason{
	unix.EPERM: Filtered, unix.EACCES: Filtered,
	unix.ENETUNREACH: Unreachable, unix.EHOSTUNREACH: Unreachable, unix.ENETDOWN: Unreachable, unix.ENODEV: Unreachable,
	unix.EADDRNOTAVAIL: Unreachable, unix.EINVAL: Unreachable, unix.ENXIO: Unreachable,
	unix.EAGAIN: BufferFull, unix.ENOBUFS: BufferFull, unix.ENOMEM: BufferFull,
	unix.EMSGSIZE: TooBig,
}

func reasonOf(err error) SendReason {
	var errno unix.Errno
	if errors.As(err, &errno) {
		if reason, known := reasonOfErrno[errno]; known {
			return reason
		}
	}
	return OtherSendReason
}
