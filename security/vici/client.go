// Package vici is the client of strongSwan's charon: it loads, initiates and watches the connections that protect
// Mobility Headers. It is the only importer of govici.
//
// What strongswan.conf needs for it: the vici plugin, of course, and shorter retransmissions than charon's, so that dead
// peer detection ends an SA within seconds of the peer's death and not within minutes:
//
//	charon-systemd {
//	  retransmit_timeout = 0.5
//	  retransmit_base = 1.4
//	  retransmit_tries = 4
//	}
//
// A charon that was killed and came back needs neither: the end that it served initiates anew, and the INITIAL_CONTACT
// notification of RFC 7296 section 2.4 makes the other end drop the stale SAs (connections with `unique = never` would
// keep them). With kernel-libipsec see also the options in the tests of this package.
//
// A session of govici that misses one reply is lost, and its event channel drops what nobody takes. So commands run with
// a deadline on one session that is discarded after any doubt, events come on another, and the complete state is listed
// after every reconnect and periodically.
package vici

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/strongswan/govici/vici"

	"netlmm/security"
)

// DefaultSocket is where charon listens unless strongswan.conf says otherwise.
const DefaultSocket = "/run/charon.vici"

// Config of the client. Durations that are zero take the defaults named here.
type Config struct {
	Socket          string        // path of charon's VICI socket; DefaultSocket
	Resync          time.Duration // 10s; period of the snapshots
	RedialInitial   time.Duration // 100ms; pause after charon could not be reached, doubling up to a second
	CommandTimeout  time.Duration // 5s; a charon that does not answer a command for so long counts as lost
	InitiateTimeout time.Duration // 2s; IKE exchanges that take longer are given up, and tried anew by the caller
}

// Client of one charon. All methods may be called from several goroutines.
type Client struct {
	cfg      Config
	resync   chan struct{}
	parallel chan struct{} // bounds simultaneous initiations

	mu      sync.Mutex // serialises commands
	session *vici.Session
	pace    *pacedConn // of session

	plugin atomic.Value // string: kernel plugin of the charon last reached; "" before
}

// New returns a client; Run connects it.
func New(cfg Config) *Client {
	if cfg.Socket == "" {
		cfg.Socket = DefaultSocket
	}
	setDefault(&cfg.Resync, 10*time.Second)
	setDefault(&cfg.RedialInitial, 100*time.Millisecond)
	setDefault(&cfg.CommandTimeout, 5*time.Second)
	setDefault(&cfg.InitiateTimeout, 2*time.Second)
	return &Client{cfg: cfg, resync: make(chan struct{}, 1), parallel: make(chan struct{}, maxInitiations)}
}

// maxInitiations at one time; each holds a session and a thread of charon.
const maxInitiations = 6

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

// eventBacklog bounds the events between charon and us; when it was full, the next snapshot mends what was dropped.
const eventBacklog = 4096

// Run keeps the connection to charon until ctx ends, and then returns nil. It calls emit from one goroutine:
// CharonSnapshot after every (re)connect, periodically and after Resync, the events of SAs in between, CharonLost when
// charon is gone or cannot be reached (once). emit must not block for long; it never blocks charon.
func (c *Client) Run(ctx context.Context, emit func(security.Event)) error {
	defer c.discard()
	pause, reported := c.cfg.RedialInitial, false
	for {
		reached, err := c.watch(ctx, emit)
		if ctx.Err() != nil {
			return nil
		}
		if reached || !reported {
			emit(security.CharonLost{Err: err})
			reported = true
		}
		if reached {
			pause = c.cfg.RedialInitial
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Second)
	}
}

// Resync makes Run emit a snapshot soon.
func (c *Client) Resync() {
	select {
	case c.resync <- struct{}{}:
	default: // one is due already
	}
}

// watch serves one event session to its end. reached says whether a snapshot was emitted.
func (c *Client) watch(ctx context.Context, emit func(security.Event)) (reached bool, err error) {
	session, err := c.dial()
	if err != nil {
		return false, err
	}
	defer session.Close()
	events := make(chan vici.Event, eventBacklog)
	session.NotifyEvents(events)
	if err := c.subscribe(ctx, session); err != nil {
		return false, err
	}
	tick := time.NewTicker(c.cfg.Resync)
	defer tick.Stop()
	for {
		// Events gather in the channel while the list is read. Those older than the list are repeated after it; they
		// end in the state of the list, for they come in charon's order.
		if err := c.emitSnapshot(ctx, emit); err != nil {
			return reached, err
		}
		reached = true
		if err := c.relay(ctx, events, tick.C, emit); err != nil {
			return reached, err
		}
	}
}

// errOver: charon closed the event session.
var errOver = errors.New("charon closed the VICI connection")

// relay passes events on until the next snapshot is due (nil) or the session is over.
func (c *Client) relay(ctx context.Context, events <-chan vici.Event, tick <-chan time.Time, emit func(security.Event)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
			return nil
		case <-c.resync:
			return nil
		case ev, open := <-events:
			if !open {
				return errOver
			}
			overflow := len(events) >= eventBacklog-1
			for _, out := range c.convert(ev) {
				emit(out)
			}
			if overflow {
				return nil
			}
		}
	}
}

// subscribe bounds the wait for charon's confirmation. govici's Subscribe has no context, and it locks up for good when an
// event arrives between two registrations; such a session is left behind, and Run dials another.
func (c *Client) subscribe(ctx context.Context, session *vici.Session) error {
	done := make(chan error, 1)
	go func() { done <- session.Subscribe("child-updown", "child-rekey", "ike-updown") }()
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("subscribe to charon's events: %w", err)
		}
		return nil
	case <-time.After(subscribeTimeout):
		return errors.New("charon did not confirm the subscription to its events")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// subscribeTimeout is short, for the usual reason of a wait is the lock-up.
const subscribeTimeout = time.Second

func (c *Client) emitSnapshot(ctx context.Context, emit func(security.Event)) error {
	connections, err := c.Connections(ctx)
	if err != nil {
		return err
	}
	sas, err := c.SAs(ctx)
	if err != nil {
		return err
	}
	emit(security.CharonSnapshot{SAs: sas, Connections: connections, DataPathInCharon: c.currentPlugin() == KernelLibipsec})
	return nil
}

func (c *Client) dial() (*vici.Session, error) {
	dialer := net.Dialer{Timeout: c.cfg.CommandTimeout}
	return c.dialWith(dialer.DialContext)
}

// dialPaced is for commands, of which some have long answers.
func (c *Client) dialPaced() (session *vici.Session, pace *pacedConn, err error) {
	dialer := net.Dialer{Timeout: c.cfg.CommandTimeout}
	session, err = c.dialWith(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		pace = newPacedConn(conn)
		return pace, nil
	})
	return session, pace, err
}

func (c *Client) dialWith(dial func(context.Context, string, string) (net.Conn, error)) (*vici.Session, error) {
	session, err := vici.NewSession(vici.WithAddr("unix", c.cfg.Socket), vici.WithDialContext(dial))
	if err != nil {
		return nil, fmt.Errorf("reach charon at %s (is strongSwan running, is the vici plugin's socket there?): %w", c.cfg.Socket, err)
	}
	return session, nil
}
