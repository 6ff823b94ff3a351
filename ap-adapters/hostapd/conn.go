package hostapd

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxReply       = 8192 // hostapd's own buffers hold 4096
	commandTimeout = time.Second
	eventQueue     = 4096 // events that wait while a query is on its way; hostapd itself queues ten only
)

var (
	errFail    = errors.New("hostapd answered FAIL")
	errGarbled = errors.New("hostapd's reply cannot be read")
)

// socketDir hands out the local names of sockets, in a private directory.
type socketDir struct {
	path string
	next atomic.Uint64
}

// newSocketDir makes a directory below parent that others may traverse: hostapd answers to the sockets in it, and need
// not run as root.
func newSocketDir(parent string) (*socketDir, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("hostapd: directory for control sockets: %w; make it writable or configure another", err)
	}
	path, err := os.MkdirTemp(parent, "hostapd-")
	if err != nil {
		return nil, fmt.Errorf("hostapd: directory for control sockets: %w; make it writable or configure another", err)
	}
	if err := os.Chmod(path, 0o711); err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return &socketDir{path: path}, nil
}

func (d *socketDir) remove() { os.RemoveAll(d.path) }

// conn is one socket to a hostapd.
type conn struct {
	*net.UnixConn
	local string
}

func (d *socketDir) dial(control string) (*conn, error) {
	local := filepath.Join(d.path, fmt.Sprintf("%d", d.next.Add(1)))
	unix, err := net.DialUnix("unixgram", &net.UnixAddr{Name: local, Net: "unixgram"}, &net.UnixAddr{Name: control, Net: "unixgram"})
	if err != nil {
		os.Remove(local)
		return nil, fmt.Errorf("control socket %s: %w", control, err)
	}
	// hostapd needs write permission on the socket to answer when it does not run as root.
	if err := os.Chmod(local, 0o777); err != nil {
		return nil, errors.Join(err, (&conn{unix, local}).Close())
	}
	return &conn{unix, local}, nil
}

// Close closes the socket and removes its name.
func (c *conn) Close() error { return errors.Join(c.UnixConn.Close(), os.Remove(c.local)) }

// request sends a command and returns the reply in buf: one datagram each way. After an error other than errFail the
// socket is of no use: a late reply would answer the next command.
func (c *conn) request(command string, buf []byte) ([]byte, error) {
	if err := c.SetDeadline(time.Now().Add(commandTimeout)); err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte(command)); err != nil {
		return nil, err
	}
	n, err := c.Read(buf)
	if err != nil {
		return nil, err
	}
	if n == len(buf) {
		return nil, errGarbled
	}
	reply := buf[:n]
	if bytes.HasPrefix(reply, []byte("FAIL")) || bytes.HasPrefix(reply, []byte("UNKNOWN COMMAND")) {
		return nil, errFail
	}
	return reply, nil
}

// received is a datagram from an attached socket.
type received struct {
	at   time.Time
	text string
}

// attach asks for hostapd's events. Events may overtake the answer; they are thrown away, because the resync that
// follows an attach tells what they would have.
func (c *conn) attach(options string) error {
	deadline := time.Now().Add(commandTimeout)
	if err := c.SetDeadline(deadline); err != nil {
		return err
	}
	if _, err := c.Write([]byte(strings.TrimSpace("ATTACH " + options))); err != nil {
		return err
	}
	for buf := make([]byte, maxReply); ; {
		n, err := c.Read(buf)
		switch {
		case err != nil:
			return err
		case n > 0 && buf[0] == '<':
			continue
		case string(bytes.TrimSpace(buf[:n])) != "OK":
			return fmt.Errorf("ATTACH: %w", errFail)
		}
		return c.SetDeadline(time.Time{})
	}
}

// readEvents moves datagrams to events as fast as they come, since hostapd's queue for us is short and what does not fit
// is lost. It returns when the socket is closed. lost is called for each event that found events full.
func (c *conn) readEvents(events chan<- received, lost func()) error {
	for buf := make([]byte, maxReply); ; {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		select {
		case events <- received{time.Now(), string(buf[:n])}:
		default:
			lost()
		}
	}
}
