package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Conn is a MIH Function's sockets: for every address it listens on, one of UDP and one of TCP. Its methods may be called from
// any goroutine, also while Run runs.
type Conn struct {
	config    Config
	sockets   []*datagrams // to send from, in the order of Config.Addresses
	groups    []*datagrams // to receive from only
	listeners []*net.TCPListener
	counters
	refusals refusals
	closed   atomic.Bool
	hub      atomic.Pointer[hub] // nil: Run does not run
	start    sync.Once
	started  chan struct{}
}

var errClosed = fmt.Errorf("receive MIH messages: %w", os.ErrClosed)

// Open opens the sockets. From then on datagrams and connections queue in the kernel.
func Open(config Config) (*Conn, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	c := &Conn{config: config, started: make(chan struct{})}
	if err := c.open(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Conn) open() error {
	for _, at := range c.config.Addresses {
		d, err := openDatagrams(at, c.config.Port)
		if err != nil {
			return err
		}
		c.sockets = append(c.sockets, d)
		l, err := openListener(at, c.config.Port)
		if err != nil {
			return err
		}
		c.listeners = append(c.listeners, l)
	}
	for _, group := range c.config.Groups {
		if err := c.join(group); err != nil {
			return err
		}
	}
	return nil
}

// join receives a group's datagrams with the socket of all addresses, or with one of their own: that of a unicast address
// does not see them.
func (c *Conn) join(group Group) error {
	for _, d := range c.sockets {
		if d.bound.IsUnspecified() && d.bound.Is4() == group.Address.Is4() {
			return d.join(group)
		}
	}
	d, err := openGroup(group, c.config.Port)
	if err == nil {
		c.groups = append(c.groups, d)
	}
	return err
}

// Close ends Run and every later Send.
func (c *Conn) Close() (err error) {
	c.closed.Store(true)
	for _, d := range slices.Concat(c.sockets, c.groups) {
		err = errors.Join(err, d.conn.Close())
	}
	for _, l := range c.listeners {
		err = errors.Join(err, l.Close())
	}
	return err
}

// Started is closed when Run has begun: before that, nothing can be sent over TCP.
func (c *Conn) Started() <-chan struct{} { return c.started }

// Run calls handle with the messages that arrive, as many as arrived together, until ctx ends (it returns nil) or the Conn is
// closed (an error that is os.ErrClosed). handle is called from several goroutines, but never twice at a time; the packets
// and their payloads are valid until it returns. While it runs, messages wait: datagrams in the kernel, connections at the
// peer. Errors of reading are counted and reading goes on.
//
// TCP connections live as long as Run. It must not be called twice at a time.
func (c *Conn) Run(ctx context.Context, handle func([]Packet)) error {
	group, ctx := errgroup.WithContext(ctx)
	h := newHub(ctx, c, handle)
	if !c.hub.CompareAndSwap(nil, h) {
		return errors.New("receive MIH messages: Run runs already")
	}
	c.start.Do(func() { close(c.started) })
	for _, d := range slices.Concat(c.sockets, c.groups) {
		group.Go(func() error { return d.receive(ctx, h) })
	}
	for _, l := range c.listeners {
		group.Go(func() error { return h.accept(ctx, l) })
	}
	err := group.Wait() // ctx has ended with the first error, or before
	h.end()
	c.hub.Store(nil)
	if c.closed.Load() && err != nil {
		return errClosed
	}
	return err
}
