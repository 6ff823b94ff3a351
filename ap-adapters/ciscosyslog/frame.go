package ciscosyslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// messageTimeout is the time from the first octet of a message to its last.
const messageTimeout = 10 * time.Second

// Errors of the framing: the connection is of no use any more, for nobody knows where the next message begins.
var (
	errCount   = errors.New("a message whose length is not a number, or longer than any message of an access point")
	errCounted = errors.New("a message without its length before it, which the configuration asks for")
)

// messages takes a stream of RFC 6587 apart. A message has its length before it (octet counting, section 3.4.1), or ends with a line
// break or NUL (section 3.4.2); each begins with a digit or not. A message of the second kind ends at a break within a name too, and
// what follows may look like a message: a reader that takes none but counted ones cannot be deceived so.
type messages struct {
	r       *bufio.Reader
	counted bool
	within  func(time.Duration) // called before waiting for the rest of a message, and with 0 before waiting for one
}

func newMessages(r io.Reader, counted bool, within func(time.Duration)) *messages {
	return &messages{bufio.NewReaderSize(r, MaximumLine+16), counted, within}
}

// next returns a message, valid until the next call; one that is too long is MaximumLine and an octet of it, which Parse refuses.
func (m *messages) next() ([]byte, error) {
	for {
		if m.r.Buffered() == 0 {
			m.within(0)
		}
		first, err := m.r.Peek(1)
		if err != nil {
			return nil, err
		}
		if first[0] > '\r' {
			m.within(messageTimeout)
		}
		switch c := first[0]; {
		case c == '\n' || c == '\r' || c == 0: // behind a counted message, or an empty one
			_, _ = m.r.Discard(1) // it is there
		case c >= '1' && c <= '9':
			return m.octets()
		case m.counted:
			return nil, errCounted
		default:
			return m.line()
		}
	}
}

// octets reads a message with its length before it.
func (m *messages) octets() ([]byte, error) {
	const digits = len("65535 ")
	head, err := m.r.Peek(digits)
	end := bytes.IndexByte(head, ' ')
	if end < 0 {
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		return nil, errCount
	}
	length, err := strconv.ParseUint(string(head[:end]), 10, 16)
	if err != nil || length == 0 {
		return nil, fmt.Errorf("%w: %q", errCount, head[:end])
	}
	if _, err = m.r.Discard(end + 1); err != nil {
		return nil, err
	}
	text, err := m.r.Peek(int(min(length, MaximumLine+1)))
	if err != nil {
		return nil, err
	}
	text = bytes.Clone(text)
	_, err = m.r.Discard(int(length))
	return text, err
}

// line reads a message up to its end, and of an endless one no more than its beginning.
func (m *messages) line() (text []byte, err error) {
	for {
		c, err := m.r.ReadByte()
		if err != nil {
			return nil, err
		}
		if c == '\n' || c == 0 {
			return text, nil
		}
		if len(text) <= MaximumLine {
			text = append(text, c)
		}
	}
}
