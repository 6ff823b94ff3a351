package hostapd

import (
	"context"
	"errors"
	"slices"
	"time"

	"netlmm/ap-adapters"
	"netlmm/mih"
)

const (
	maximumDelayed = 64              // actions that wait for their time, per access point
	longestDelay   = 2 * time.Minute // LINK_AC_EX_TIME ends at 65.5 s
)

// delayed is an action that waits for its time.
type delayed struct {
	at      time.Time
	command string
	about   *told // the association that it is about: it concerns no later one
}

// Act sends a station away: with a deauthentication, or with a disassociation when what the station has here is to be retained. That
// is all that an access point can do to a link: a mode of power is the station's, and stations scan. An action with After is done
// then, if the association is still the same; the result says that it was accepted.
func (a *Adapter) Act(ctx context.Context, r mih.LinkActionRequest) mih.LinkActionResult {
	outcome, err := ask(ctx, a, r.Link, r.PointOfAttachment, func(s *session, station bool) (mih.LinkActionOutcome, error) {
		if !station {
			return mih.ActionIncapable, nil
		}
		return s.act(r)
	})
	if err != nil {
		outcome = mih.ActionFailed
		if errors.Is(err, apadapters.ErrBusy) {
			outcome = mih.ActionRefused
		}
	}
	return mih.LinkActionResult{Link: r.Link, Outcome: outcome}
}

func (s *session) act(r mih.LinkActionRequest) (mih.LinkActionOutcome, error) {
	command := "DEAUTHENTICATE "
	switch {
	case r.Action == mih.LinkAction{}:
		return mih.ActionSucceeded, nil
	case r.Action.Type != mih.ActionDisconnect || r.Action.Attributes&^mih.ActionRetainResources != 0:
		return mih.ActionIncapable, nil
	case r.Action.Attributes != 0:
		command = "DISASSOCIATE "
	}
	t, _, err := s.attached(r.Link.Address) // hostapd sends away without complaint whom it does not have
	if err != nil {
		return mih.ActionFailed, err
	}
	d := delayed{time.Now().Add(r.After), command + r.Link.Address.String(), t}
	if r.After <= 0 {
		_, err = s.request(d.command)
		return mih.ActionSucceeded, err
	}
	return s.delay(d, r.After), nil
}

// delay keeps an action for its time, in the place of an earlier one of the station.
func (s *session) delay(d delayed, after time.Duration) mih.LinkActionOutcome {
	s.delayed = slices.DeleteFunc(s.delayed, func(other delayed) bool { return other.about == d.about })
	if len(s.delayed) >= maximumDelayed || after > longestDelay {
		s.adapter.counters.Count("actions_refused")
		return mih.ActionRefused
	}
	s.delayed = append(s.delayed, d)
	return mih.ActionSucceeded
}

// dueAction takes out an action whose time has come.
func (s *session) dueAction(now time.Time) (d delayed, ok bool) {
	i := slices.IndexFunc(s.delayed, func(d delayed) bool { return !d.at.After(now) })
	if i < 0 {
		return d, false
	}
	d = s.delayed[i]
	s.delayed = slices.Delete(s.delayed, i, i+1)
	return d, true
}

// perform does a delayed action. Its error is that the session ends.
func (s *session) perform(d delayed) error {
	if s.stations[d.about.link.Link.Address] != d.about {
		s.adapter.counters.Count("actions_void")
		return nil
	}
	if _, err := s.request(d.command); err != nil {
		s.adapter.counters.Count("actions_failed")
	}
	return s.broken
}
