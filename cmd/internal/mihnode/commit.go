package mihnode

import (
	"context"
	"errors"
	"slices"
	"time"

	apadapters "netlmm/ap-adapters"
	"netlmm/mih"
	"netlmm/mih/wire"
)

// commit is Net_HO_Commit for stations here that do not speak 802.21: their access point asks them to move. Which stations, the link actions
// say; an action that is to disconnect goes with it, since the station is told until when it has a link.
func (n *Node) commit(ctx context.Context, b wire.NetHOCommitRequest, extra []wire.TLV) wire.Body {
	linkType := b.LinkType
	answer := wire.NetHOCommitResponse{Status: mih.StatusSuccess, LinkType: &linkType}
	targets := targetsOf(b.Targets, extra)
	if len(targets) == 0 {
		return wire.NetHOCommitResponse{Status: mih.StatusRejected, LinkType: &linkType}
	}
	for _, action := range b.Actions {
		err := n.Steer(ctx, action.Link, targets, within(b.Within, action))
		answer.Results = append(answer.Results, mih.LinkActionResult{Link: action.Link, Outcome: outcomeOf(err)})
		if err != nil {
			answer.Status = statusOf(err)
		}
	}
	if answer.Status == mih.StatusSuccess {
		n.cfg.Counters.Add(Messages, "stations_asked_to_move")
		answer.Target = &mih.TargetNetwork{PointOfAttachment: targets[0].PointOfAttachment}
	} else {
		n.cfg.Counters.Add(Messages, "stations_not_asked_to_move")
	}
	return answer
}

// within is how long the station has; 0: it may stay.
func within(all time.Duration, action mih.LinkActionRequest) time.Duration {
	if action.Action.Type != mih.ActionDisconnect {
		return 0
	}
	if action.After > 0 {
		return action.After
	}
	return all
}

// targetsOf are the points of attachment among the targets; a network by its name alone nobody can be sent to.
func targetsOf(list []mih.TargetNetwork, extra []wire.TLV) (targets []apadapters.Target) {
	channels, _ := wire.Octets(extra, wire.TLVChannels, len(list))
	for i, t := range list {
		if t.PointOfAttachment.IsZero() || slices.ContainsFunc(targets, func(o apadapters.Target) bool { return o.PointOfAttachment == t.PointOfAttachment }) {
			continue
		}
		target := apadapters.Target{PointOfAttachment: t.PointOfAttachment}
		if channels != nil {
			target.Channel = channels[i]
		}
		targets = append(targets, target)
	}
	return targets
}

func outcomeOf(err error) mih.LinkActionOutcome {
	switch {
	case err == nil:
		return mih.ActionSucceeded
	case errors.Is(err, apadapters.ErrIncapable):
		return mih.ActionIncapable
	case errors.Is(err, apadapters.ErrBusy):
		return mih.ActionRefused
	}
	return mih.ActionFailed
}
