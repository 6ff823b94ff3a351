package hostapd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

const (
	commandQueue    = 64          // commands that wait for one hostapd; more are refused
	commandPatience = time.Second // after which who asked is told that there is no answer
)

// command is what another goroutine wants done by the one that owns a session. One of its functions is called, once, unless ctx ends
// before.
type command struct {
	ctx  context.Context
	run  func(*session)
	fail func(error)
}

// find is the access point of a link, and whether the link is named by its station, not by the access point. A station that two have
// is where it came last. A point of attachment that is not zero must be the link's.
func (a *Adapter) find(link mih.LinkID, pointOfAttachment mih.LinkAddress) (at *port, station bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var since time.Time
	for _, p := range a.ports {
		if p.cfg.LinkType != link.Type || !pointOfAttachment.IsZero() && pointOfAttachment != p.poa {
			continue
		}
		if t := p.stations[link.Address]; t != nil && (!station || t.since.After(since)) {
			at, station, since = p, true, t.since
		} else if at == nil && !p.poa.IsZero() && (link.Address == p.poa || link.Address.IsZero() && pointOfAttachment == p.poa) {
			at = p
		}
	}
	return at, station
}

// Has says whether a link is of a station here, or names an access point.
func (a *Adapter) Has(link mih.LinkID) bool {
	p, _ := a.find(link, mih.LinkAddress{})
	return p != nil
}

// ask has a function run by the owner of the session with the link's hostapd, and waits for what it returns.
func ask[T any](ctx context.Context, a *Adapter, link mih.LinkID, pointOfAttachment mih.LinkAddress, do func(s *session, station bool) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	p, station := a.find(link, pointOfAttachment)
	if p == nil {
		return none, apadapters.ErrNoSuchLink
	}
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	answers := make(chan answer, 1)
	err := p.submit(command{ctx,
		func(s *session) {
			value, err := do(s, station)
			answers <- answer{value, err}
		},
		func(err error) { answers <- answer{err: err} },
	})
	if err != nil {
		return none, err
	}
	select {
	case got := <-answers:
		if got.err != nil {
			return none, commandError(got.err)
		}
		return got.value, nil
	case <-ctx.Done():
		a.counters.Count("commands_without_answer")
		return none, fmt.Errorf("%w: %w", apadapters.ErrNoAnswer, ctx.Err())
	}
}

// commandError makes an error of the contract of one of a session.
func commandError(err error) error {
	for _, known := range []error{apadapters.ErrNoSuchLink, apadapters.ErrIncapable, apadapters.ErrNoAnswer, errFail, errNoTarget} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", apadapters.ErrNoAnswer, err)
}

// submit puts a command into the queue while there is a session to take it out.
func (p *port) submit(c command) error {
	p.adapter.mu.Lock()
	defer p.adapter.mu.Unlock()
	if !p.peer.Connected {
		return fmt.Errorf("%w: %s", apadapters.ErrNoAnswer, p.peer.Detail)
	}
	select {
	case p.queue <- c:
		p.adapter.counters.Count("commands")
		return nil
	default:
		p.adapter.counters.Count("commands_refused")
		return apadapters.ErrBusy
	}
}

// execute runs a command unless who asked has gone. Its error is that the session ends.
func (s *session) execute(c command) error {
	if c.ctx.Err() == nil {
		c.run(s)
	}
	return s.broken
}

// leaveCommands refuses what waits when a session ends, and gives up the delayed actions: when hostapd is back, its associations
// are others.
func (p *port) leaveCommands() {
	p.setPeer(false, "hostapd is gone")
	for {
		select {
		case c := <-p.queue:
			c.fail(apadapters.ErrNoAnswer)
		default:
			for range p.delayed {
				p.adapter.counters.Count("actions_void")
			}
			p.delayed = nil
			return
		}
	}
}

// attached asks hostapd for a station of which it was told that it is here.
func (s *session) attached(address mih.LinkAddress) (*told, station, error) {
	t := s.stations[address]
	if t == nil {
		return nil, station{}, apadapters.ErrNoSuchLink
	}
	st, found, err := s.stationRequest("STA " + address.String())
	switch {
	case errors.Is(err, errFail), err == nil && found && st.address == address && !st.authorized:
		return nil, st, apadapters.ErrNoSuchLink // what tells of it is on its way
	case err == nil && (!found || st.address != address):
		err = errGarbled
	}
	return t, st, err
}
