package mihnode

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/wire"
)

// operator is the user of the machine that asks for who waits.
const operator = "operator"

// questions are what somebody waits for the answer to.
type questions struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan mihf.Confirm
}

// Ask puts a request to a peer, or with an empty destination to the link SAPs here, and waits for the response.
func (n *Node) Ask(ctx context.Context, destination mih.MIHFID, body wire.Body, extra ...wire.TLV) (wire.Body, error) {
	c, err := n.ask(ctx, func(id uint64) mihf.Event {
		return mihf.Request{User: mihf.User{Name: operator}, RequestID: id, Destination: destination, Body: body, Extra: extra}
	})
	return c.Body, err
}

// Discover asks whoever is reached at an endpoint what it is and can do.
func (n *Node) Discover(ctx context.Context, at mihf.Endpoint) (mih.MIHFID, wire.Capabilities, error) {
	c, err := n.ask(ctx, func(id uint64) mihf.Event {
		return mihf.Discover{User: mihf.User{Name: operator}, RequestID: id, Endpoint: at, Protected: n.protected(at)}
	})
	answer, _ := c.Body.(wire.CapabilityDiscoverResponse)
	return c.Source, answer.Capabilities, err
}

func (n *Node) ask(ctx context.Context, event func(id uint64) mihf.Event) (c mihf.Confirm, err error) {
	answer := make(chan mihf.Confirm, 1)
	q := &n.questions
	q.mu.Lock()
	q.last++
	id := q.last
	q.waiting[id] = answer
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.waiting, id)
	}()
	if err := n.engine.Send(event(id)); err != nil {
		return c, err
	}
	select {
	case <-ctx.Done():
		return c, fmt.Errorf("no answer: %w", context.Cause(ctx))
	case c = <-answer:
		if c.Failure != mihf.NoFailure {
			return c, fmt.Errorf("no answer: %s", c.Failure)
		}
		return c, nil
	}
}

// answered takes the answer to a question. It says whether it was one.
func (n *Node) answered(c mihf.Confirm) bool {
	if c.User.Name != operator {
		return false
	}
	n.questions.mu.Lock()
	defer n.questions.mu.Unlock()
	if answer := n.questions.waiting[c.RequestID]; answer != nil {
		answer <- c // has room for it: there is one only
	}
	return true
}

// protected says whether there has to be an association with who is at an address.
func (n *Node) protected(at mihf.Endpoint) bool {
	return slices.ContainsFunc(n.directory.all(), func(e entry) bool { return e.Protected && e.Address.Addr() == at.Address.Addr() })
}
