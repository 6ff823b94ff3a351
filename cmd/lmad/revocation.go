package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/lma"
)

// unanswered is the status of a revocation that no gateway answered.
const unanswered = "timeout"

// revocations are the operator's orders whose outcomes are awaited. The engine's owner tells of outcomes, the admin API asks.
type revocations struct {
	mu     sync.Mutex
	orders map[*revocation]struct{}
}

// revocation is one order: the bindings of one mobile node, or all of one gateway.
type revocation struct {
	mobileNodeID mobility.MobileNodeID
	gateway      netip.Addr // when mobileNodeID is zero

	result  api.Revocation
	missing int           // bindings whose gateways have not answered
	done    chan struct{} // closed when none is missing
}

func (r *revocations) begin(o *revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.orders == nil {
		r.orders = map[*revocation]struct{}{}
	}
	r.orders[o] = struct{}{}
}

// end forgets an order and returns what came of it so far.
func (r *revocations) end(o *revocation) api.Revocation {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.orders, o)
	o.result.Complete = o.missing == 0
	return o.result
}

// outcome tells every order that it belongs to.
func (r *revocations) outcome(e lma.RevocationEnded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for o := range r.orders {
		if o.missing == 0 || !o.concerns(e) {
			continue
		}
		o.result.Outcomes = append(o.result.Outcomes, api.RevocationOutcome{
			Gateway: e.ProxyCareOfAddress, MobileNodeID: e.MobileNodeID, Bindings: e.Bindings, Answered: e.Answered, Status: revocationStatus(e),
		})
		if o.missing = max(0, o.missing-e.Bindings); o.missing == 0 {
			close(o.done)
		}
	}
}

// concerns: of a gateway's bindings some, or all, may be revoked one by one.
func (o *revocation) concerns(e lma.RevocationEnded) bool {
	if o.mobileNodeID.IsZero() {
		return e.ProxyCareOfAddress == o.gateway
	}
	return e.MobileNodeID == o.mobileNodeID
}

func revocationStatus(e lma.RevocationEnded) string {
	if !e.Answered {
		return unanswered
	}
	return e.Status.String()
}

// revocationEnded tells of an outcome: the counters, the log, the history, and who waits for it.
func (a *anchor) revocationEnded(e lma.RevocationEnded) {
	status := revocationStatus(e)
	a.counters.Add(revoked, status)
	a.log.Info("revocation ended", "gateway", e.ProxyCareOfAddress, "mobile_node", e.MobileNodeID, "bindings", e.Bindings, "status", status)
	a.history.add(api.Handover{
		MobileNodeID: e.MobileNodeID, Trigger: "revocation", From: e.ProxyCareOfAddress, LinkUp: time.Now(), Attempts: 1, Outcome: "revoked: " + status,
	})
	a.revocations.outcome(e)
}

// revoke carries out POST of api.PathRevocations.
func (a *anchor) revoke(ctx context.Context, p daemon.Parameters) (any, error) {
	o, err := newRevocation(a.cfg.MAGs, p.Text("mobile_node"), p.Text("gateway"))
	if err != nil {
		return nil, err
	}
	bindings, err := a.bindings(ctx)
	if err != nil {
		return nil, err
	}
	for _, b := range bindings {
		if b.State == "registered" && (b.MobileNodeID == o.mobileNodeID || o.mobileNodeID.IsZero() && b.ProxyCareOfAddress == o.gateway) {
			o.missing++
		}
	}
	if o.missing == 0 {
		return nil, fmt.Errorf("%s has no binding here: see netlmmctl bindings", o)
	}
	o.result = api.Revocation{Bindings: o.missing, Outcomes: []api.RevocationOutcome{}}
	a.revocations.begin(o)
	if err := a.engine.Send(lma.Revoke{MobileNodeID: o.mobileNodeID, ProxyCareOfAddress: o.gateway}); err != nil {
		a.revocations.end(o)
		return nil, err
	}
	if p.Text("wait") == "true" {
		select {
		case <-o.done:
		case <-ctx.Done():
		case <-time.After(revocationPatience(a.cfg)):
		}
	}
	return a.revocations.end(o), nil
}

// newRevocation reads an order: one of a mobile node and a gateway, which goes by its name too.
func newRevocation(gateways []configs.Peer, mobileNode, gateway string) (*revocation, error) {
	o := &revocation{done: make(chan struct{})}
	switch {
	case (mobileNode == "") == (gateway == ""):
		return nil, errors.New("want one of mobile_node and gateway")
	case mobileNode != "":
		var err error
		o.mobileNodeID, err = mobility.ParseMobileNodeID(mobileNode)
		return o, err
	}
	address, _ := netip.ParseAddr(gateway) // zero is nobody's
	i := slices.IndexFunc(gateways, func(g configs.Peer) bool { return g.Name == gateway || g.Address == address })
	if i < 0 {
		return nil, fmt.Errorf("%s is no gateway of this anchor: want a name or an address of netlmmctl peers", gateway)
	}
	o.gateway = gateways[i].Address
	return o, nil
}

func (o *revocation) String() string {
	if o.mobileNodeID.IsZero() {
		return "gateway " + o.gateway.String()
	}
	return "mobile node " + o.mobileNodeID.String()
}

// revocationPatience is how long the machine may wait for a gateway (RFC 5846 section 11), and a second for what else takes time.
func revocationPatience(cfg *configs.Lmad) time.Duration {
	patience, delay := time.Second, cfg.InitMINDelayBRIs
	for range cfg.BRIMaxRetriesNumber + 1 {
		patience += delay
		delay = min(2*delay, cfg.MaxBRAckTimeout)
	}
	return patience
}
