package mihnode

import (
	"context"
	"errors"
	"sync"
	"time"

	apadapters "netlmm/ap-adapters"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
)

// patience is how long the access points have for one command.
const patience = time.Second

// workers is how many commands are carried out at a time.
const workers = 4

// command is a link command on its way to the adapters.
type command mihf.LinkCommand

// command queues a link command; one too many is answered as failed.
func (n *Node) command(c mihf.LinkCommand) {
	select {
	case n.commands <- command(c):
	default:
		n.cfg.Counters.Add(Messages, "link_commands_full")
		n.Post(mihf.LinkCommandDone{CommandID: c.CommandID, Body: failed(c.Body)})
	}
}

func failed(body wire.Body) wire.Body {
	switch b := body.(type) {
	case wire.LinkGetParametersRequest:
		return wire.LinkGetParametersResponse{Status: mih.StatusUnspecifiedFailure}
	case wire.LinkConfigureThresholdsRequest:
		return wire.LinkConfigureThresholdsResponse{Status: mih.StatusUnspecifiedFailure, Link: b.Link}
	}
	if _, ok := body.(wire.NetHOCommitRequest); ok {
		return wire.NetHOCommitResponse{Status: mih.StatusUnspecifiedFailure}
	}
	return wire.LinkActionsResponse{Status: mih.StatusUnspecifiedFailure}
}

func (n *Node) runCommands(ctx context.Context) error {
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case c := <-n.commands:
					n.Send(mihf.LinkCommandDone{CommandID: c.CommandID, Body: n.carryOut(ctx, c)})
				}
			}
		})
	}
	all.Wait()
	return nil
}

// carryOut asks the adapters whose links a command is about, and answers it.
func (n *Node) carryOut(ctx context.Context, c command) wire.Body {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch b := c.Body.(type) {
	case wire.LinkGetParametersRequest:
		return n.parameters(ctx, b)
	case wire.LinkConfigureThresholdsRequest:
		return n.thresholds(ctx, b)
	case wire.LinkActionsRequest:
		return n.actions(ctx, b)
	case wire.NetHOCommitRequest:
		return n.commit(ctx, b, c.Extra)
	}
	return failed(c.Body)
}

// commander is the adapter that has a link; nil: none has.
func (n *Node) commander(link mih.LinkID) apadapters.Commander {
	for _, a := range n.adapters {
		if c, ok := a.(apadapters.Commander); ok && c.Has(link) {
			return c
		}
	}
	return nil
}

func (n *Node) parameters(ctx context.Context, b wire.LinkGetParametersRequest) wire.Body {
	answer := wire.LinkGetParametersResponse{Status: mih.StatusSuccess}
	for _, link := range b.Links {
		c := n.commander(link)
		if c == nil {
			answer.Status = mih.StatusRejected
			continue
		}
		status, err := c.Parameters(ctx, link, b.Status)
		if err != nil {
			answer.Status = statusOf(err)
			continue
		}
		answer.Links = append(answer.Links, mih.LinkStatusOf{Link: link, Status: status})
	}
	return answer
}

func (n *Node) thresholds(ctx context.Context, b wire.LinkConfigureThresholdsRequest) wire.Body {
	answer := wire.LinkConfigureThresholdsResponse{Status: mih.StatusRejected, Link: b.Link}
	if c := n.commander(b.Link.Link); c != nil {
		var err error
		answer.Thresholds, err = c.ConfigureThresholds(ctx, b.Link, b.Parameters)
		answer.Status = statusOf(err)
	}
	return answer
}

func (n *Node) actions(ctx context.Context, b wire.LinkActionsRequest) wire.Body {
	answer := wire.LinkActionsResponse{Status: mih.StatusSuccess}
	for _, action := range b.Actions {
		answer.Results = append(answer.Results, n.Act(ctx, action))
	}
	return answer
}

// Act has the adapter that has a link do something with it.
func (n *Node) Act(ctx context.Context, action mih.LinkActionRequest) mih.LinkActionResult {
	if c := n.commander(action.Link); c != nil {
		return c.Act(ctx, action)
	}
	return mih.LinkActionResult{Link: action.Link, Outcome: mih.ActionFailed}
}

// Steer asks a station to go to one of these points of attachment.
func (n *Node) Steer(ctx context.Context, station mih.LinkID, targets []apadapters.Target, within time.Duration) error {
	c := n.commander(station)
	if c == nil {
		return apadapters.ErrNoSuchLink
	}
	return c.Steer(ctx, station, targets, within)
}

func statusOf(err error) mih.Status {
	switch {
	case err == nil:
		return mih.StatusSuccess
	case errors.Is(err, apadapters.ErrNoSuchLink), errors.Is(err, apadapters.ErrIncapable):
		return mih.StatusRejected
	}
	return mih.StatusUnspecifiedFailure
}
