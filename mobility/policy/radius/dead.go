package radius

import (
	"context"
	"slices"
	"sync"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// server is a Server with what is known of it. That it leaves one question unanswered makes it suspect, and another one dead, as with the
// watchdog of RFC 3539 section 3.4.1: a server, or who it asks itself, may be silent about one mobile node and answer for all others.
// A dead one is alive again when it answers; until then the prober asks it, and nobody else.
type server struct {
	Server
	mu      sync.Mutex
	heard   time.Time             // its last good answer
	suspect mobility.MobileNodeID // about whom it has been silent since then
	dead    time.Time             // until when it is not asked; zero: it is not dead
}

func (s *server) isDead() bool { return !s.deadUntil().IsZero() }

func (s *server) deadUntil() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// silent notes that a server did not answer what was asked since, however often; one that answered others meanwhile is not dead. It returns
// what an operator should know.
func (s *server) silent(about mobility.MobileNodeID, since time.Time, deadTime time.Duration) (news string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.heard.After(since):
		return ""
	case s.dead.IsZero() && s.suspect.IsZero():
		s.suspect = about
		return "RADIUS server does not answer; if it does not for another mobile node either, it is not asked for a while"
	case deadTime == 0, s.dead.IsZero() && s.suspect == about:
		return ""
	case s.dead.Before(since):
		news = "RADIUS server does not answer, and is not asked for a while"
	}
	s.dead = time.Now().Add(deadTime)
	return news
}

func (s *server) answered(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.dead, s.suspect = now, time.Time{}, mobility.MobileNodeID{}
}

// Silent are the servers that are taken for dead.
func (c *Client) Silent() (names []string) {
	for _, s := range c.servers {
		if s.isDead() {
			names = append(names, s.Name)
		}
	}
	return names
}

// allDead: there is nobody to ask but by the prober.
func (c *Client) allDead() bool {
	return !slices.ContainsFunc(c.servers, func(s *server) bool { return !s.isDead() })
}

// nextDead is the dead server whose time is over next; due: it is over.
func (c *Client) nextDead(now time.Time) (next *server, due bool) {
	var first time.Time
	for _, s := range c.servers {
		if until := s.deadUntil(); !until.IsZero() && (next == nil || until.Before(first)) {
			next, first = s, until
		}
	}
	return next, next != nil && !now.Before(first)
}

// hold leaves a question to the prober where all servers are dead, and it is for a mobile node that loses nothing by waiting.
func (c *Client) hold(q policy.Query) bool {
	if next, due := c.nextDead(time.Now()); next == nil || q.AtOnce || !q.Anyway && !due || !c.allDead() {
		return false
	}
	select {
	case c.held <- q:
		c.cfg.Count("dead_server_awaited")
		return true
	default:
		c.cfg.Count("dead_server_crowded")
		return false
	}
}

// probe asks dead servers, one at a time, so that only questions that are held wait for them, and these no longer than two of them take.
func (c *Client) probe(ctx context.Context, answered func(policy.QueryID, policy.Verdict)) {
	for {
		select {
		case <-ctx.Done():
			return
		case q := <-c.aside:
			if s, due := c.nextDead(time.Now()); due {
				c.cfg.Count("dead_server_asked")
				c.askOne(ctx, s, q)
			}
		case q := <-c.held:
			c.askHeld(ctx, q, answered)
		}
		for range len(c.held) { // they waited for what this one would bring
			q := <-c.held
			if c.allDead() || !c.Post(q) {
				answered(q.ID, policy.Verdict{})
			}
		}
	}
}

// askHeld asks the dead server that is due next, unless one lives by now.
func (c *Client) askHeld(ctx context.Context, q policy.Query, answered func(policy.QueryID, policy.Verdict)) {
	if s, _ := c.nextDead(time.Now()); s != nil && c.allDead() {
		c.cfg.Count("dead_server_asked")
		answered(q.ID, c.askOne(ctx, s, q))
	} else if !c.Post(q) {
		answered(q.ID, policy.Verdict{})
	}
}
