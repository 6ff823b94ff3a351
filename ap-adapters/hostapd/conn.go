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

	"golang.org/x/sys/unix"
)

const (
	maxReply       = 8192 // hostapd's own buffers hold 4096
	commandTimeout = time.Second
	eventQueue     = 4096 // events that wait while a query is on its way; hostapd itself queues ten only
)

var (
	errFail    = errors.New("hostapd answered FAIL")
	errUnknown = fmt.Errorf("%w: it does not know the command", errFail) // it was built without it
	errGarbled = errors.New("hostapd's reply cannot be read")
)

// socketDir hands out the local names of sockets, in a private directory that is locked while its owner lives.
type socketDir struct {
	path string
	lock *os.File
	next atomic.Uint64
}

const socketDirPrefix = "hostapd-"

// newSocketDir makes a directory below parent that others may traverse: hostapd answers to the sockets in it, and need
// not run as root. Directories that processes left behind which were killed are removed.
func newSocketDir(parent string) (*socketDir, error) {
	d, err := makeSocketDir(parent)
	if err != nil {
		return nil, fmt.Errorf("hostapd: directory for control sockets: %w; make it writable or configure another", err)
	}
	return d, nil
}

func makeSocketDir(parent string) (*socketDir, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	turn, err := lockDir(parent, unix.LOCK_EX) // so that nobody takes a directory for abandoned that is about to be locked
	if err != nil {
		return nil, err
	}
	defer turn.Close()
	removeAbandoned(parent)
	path, err := os.MkdirTemp(parent, socketDirPrefix)
	if err != nil {
		return nil, err
	}
	lock, err := lockDir(path, unix.LOCK_EX)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	d := &socketDir{path: path, lock: lock}
	if err := os.Chmod(path, 0o711); err != nil {
		d.remove()
		return nil, err
	}
	return d, nil
}

// lockDir opens and locks a directory; the lock ends with the file, or with the process however that ends.
func lockDir(path string, how int) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

func removeAbandoned(parent string) {
	found, _ := filepath.Glob(filepath.Join(parent, socketDirPrefix+"*"))
	for _, path := range found {
		if lock, err := lockDir(path, unix.LOCK_EX|unix.LOCK_NB); err == nil {
			os.RemoveAll(path)
			lock.Close()
		}
	}
}

func (d *socketDir) remove() {
	os.RemoveAll(d.path)
	d.lock.Close()
}

// conn is one socket to a hostapd.
type conn struct {
	*net.UnixConn
	local string
}

func (d *socketDir) dial(control string) (*conn, error) {
	local := filepath.Join(d.path, fmt.Sprintf("%d", d.next.Add(1)))
	socket, err := net.DialUnix("unixgram", &net.UnixAddr{Name: local, Net: "unixgram"}, &net.UnixAddr{Name: control, Net: "unixgram"})
	if err != nil {
		os.Remove(local)
		return nil, fmt.Errorf("control socket %s: %w", control, err)
	}
	// hostapd needs write permission on the socket to answer when it does not run as root.
	if err := os.Chmod(local, 0o777); err != nil {
		return nil, errors.Join(err, (&conn{socket, local}).Close())
	}
	return &conn{socket, local}, nil
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
	switch {
	case bytes.HasPrefix(reply, []byte("UNKNOWN COMMAND")):
		return nil, errUnknown
	case bytes.HasPrefix(reply, []byte("FAIL")):
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
