package handover

import (
	"time"

	"netlmm/internal/timers"
	"netlmm/mih"
	"netlmm/mih/wire"
)

// steering is how a station is asked to move to where it is expected: one way after the other, until one has been taken.
type steering struct {
	ways  []mih.MIHFID // that are left: the mobile node itself, then the MIH Function whose link SAP has its link
	asked uint64       // Net_HO_Commit that waits for its response; 0: none
	timer timers.Timer
}

// steerNow asks the station to go. A mobile node that speaks 802.21 is told by Net_HO_Commit; for any other the access point does what its
// technology has for that, by Net_HO_Commit too where its link SAP is at another MIH Function.
func (h *Handover) steerNow(c *Controller, now time.Time) {
	s := &h.steering
	s.timer.Due = func(now time.Time) {
		c.note(SteeringUnanswered, h.Link, s.ways[0])
		h.steerElse(c, now)
	}
	if c.speaks(h.Station) {
		s.ways = append(s.ways, h.Station)
	}
	if h.Source == c.cfg.MIHFID || c.speaks(h.Source) {
		s.ways = append(s.ways, h.Source)
	}
	h.steerBy(c, now)
}

// steerElse tries the next way.
func (h *Handover) steerElse(c *Controller, now time.Time) {
	c.stopSteering(h)
	h.steering.ways = h.steering.ways[1:]
	h.steerBy(c, now)
}

func (h *Handover) steerBy(c *Controller, now time.Time) {
	s, within := &h.steering, max(h.leaves.Sub(now), 0)
	switch {
	case len(s.ways) == 0:
		c.note(MovesByItself, h.Link, "")
	case s.ways[0] == c.cfg.MIHFID:
		c.act(Steer{h.Link, h.Target, within})
	default:
		s.asked = c.nextID()
		c.steered[s.asked] = h
		body, channels := h.commit(within, s.ways[0] != h.Station)
		c.act(Ask{s.asked, s.ways[0], body, channels})
		c.timers.Set(&s.timer, now.Add(c.cfg.PreparationTimeout))
	}
}

// longestInterval is what TIME_INTERVAL has room for.
const longestInterval = 65535 * time.Millisecond

// commit is Net_HO_Commit. The request has no place for the station's link but the actions on it, so that to an access point's MIH Function
// it says what becomes of the link there: it goes after the time, or nothing when there is none.
func (h *Handover) commit(within time.Duration, toAccessPoint bool) (wire.Body, []wire.TLV) {
	within = min(within, longestInterval)
	body := wire.NetHOCommitRequest{LinkType: h.Target.LinkType, Targets: []mih.TargetNetwork{{PointOfAttachment: h.Target.PointOfAttachment}}, Within: within}
	if toAccessPoint {
		action := mih.LinkActionRequest{Link: h.Link, PointOfAttachment: h.From, After: within}
		if within > 0 {
			action.Action.Type = mih.ActionDisconnect
		}
		body.Actions = []mih.LinkActionRequest{action}
	}
	return body, []wire.TLV{{Type: wire.TLVChannels, Value: string([]byte{byte(h.Target.Channel)})}}
}

// steerAnswered takes the response to Net_HO_Commit.
func (c *Controller) steerAnswered(now time.Time, h *Handover, body wire.Body) {
	peer := h.steering.ways[0]
	answer, ok := body.(wire.NetHOCommitResponse)
	for _, result := range answer.Results {
		ok = ok && result.Outcome == mih.ActionSucceeded
	}
	switch {
	case body == nil:
		c.note(SteeringUnanswered, h.Link, peer)
	case !ok || answer.Status != mih.StatusSuccess:
		c.note(SteeringRefused, h.Link, peer)
	default:
		c.note(AskedToMove, h.Link, peer)
		c.stopSteering(h)
		return
	}
	h.steerElse(c, now)
}

func (c *Controller) stopSteering(h *Handover) {
	c.timers.Stop(&h.steering.timer)
	delete(c.steered, h.steering.asked)
	h.steering.asked = 0
}

// speaks says whether an MIH Function takes Net_HO commands.
func (c *Controller) speaks(id mih.MIHFID) bool {
	return id != "" && id != c.cfg.MIHFID && c.cfg.Speaks != nil && c.cfg.Speaks(id)
}
