package testbed

import (
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

// control is a client of the control sockets of hostapd and wpa_supplicant: datagrams on a unix socket, a command and its
// answer; after ATTACH, events that begin with a priority in angle brackets.
type control struct {
	conn  *net.UnixConn
	local string
}

// dialControl connects to a control socket; local is the path of the client's own end.
func dialControl(path, local string) (*control, error) {
	_ = os.Remove(local) // of an earlier client that was killed
	conn, err := net.DialUnix("unixgram", &net.UnixAddr{Name: local, Net: "unixgram"}, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	return &control{conn: conn, local: local}, nil
}

func (c *control) close() {
	c.conn.Close()
	_ = os.Remove(c.local)
}

// request sends one command and returns the answer without its trailing newline. Not for an attached socket.
func (c *control) request(command string) (string, error) {
	if err := c.conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return "", err
	}
	if _, err := c.conn.Write([]byte(command)); err != nil {
		return "", fmt.Errorf("%s: %w", command, err)
	}
	buffer := make([]byte, 8192)
	for {
		n, err := c.conn.Read(buffer)
		if err != nil {
			return "", fmt.Errorf("%s: %w", command, err)
		}
		if n > 0 && buffer[0] == '<' {
			continue
		}
		return strings.TrimRight(string(buffer[:n]), "\n"), nil
	}
}

// order is request for a command that answers OK.
func (c *control) order(command string) error {
	answer, err := c.request(command)
	if err != nil {
		return err
	}
	if answer != "OK" {
		return fmt.Errorf("%s: answered %q", command, answer)
	}
	return nil
}

// events attaches and then calls f with every event, priority stripped, and its arrival, until the socket is closed.
func (c *control) events(f func(at time.Time, event string)) error {
	if err := c.order("ATTACH"); err != nil {
		return err
	}
	if err := c.conn.SetDeadline(time.Time{}); err != nil {
		return err
	}
	buffer := make([]byte, 8192)
	go func() {
		for {
			n, err := c.conn.Read(buffer)
			if err != nil {
				return
			}
			if _, event, found := strings.Cut(string(buffer[:n]), ">"); found && buffer[0] == '<' {
				f(time.Now(), event)
			}
		}
	}()
	return nil
}
