package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/engine"
	"netlmm/mobility/mag"
	"netlmm/mobility/policy"
	"netlmm/mobility/policy/decision"
)

// policyCount is the name of the counter of what policy decided.
const policyCount = "netlmm_policy_total"

const policyQueue = 8192

// policies is the step between the MIH user and the MAG: who is served, and as what.
type policies struct {
	engine  *engine.Engine[decision.Event, decision.Action]
	machine *decision.Machine

	hangups chan os.Signal // SIGHUP

	mu     sync.Mutex
	table  *policy.Table
	loaded time.Time
	err    error // of the last attempt to read the file of profiles; nil: it is in force
}

func (g *gateway) openPolicy() {
	p := &g.policies
	p.table, p.loaded = policy.NewTable(g.cfg.Profiles, g.cfg.Fallback), time.Now()
	p.machine = decision.New(decisionConfig(g.cfg), p.table)
	p.engine = engine.New[decision.Event, decision.Action](p.machine, policyQueue, g.decided)
	p.hangups = make(chan os.Signal, 1)
}

func decisionConfig(cfg *configs.Magd) decision.Config {
	everybody := cfg.Everybody
	everybody.Lifetime = cfg.Lifetime // a Session-Timeout only shortens it
	return decision.Config{
		Everybody: everybody, Offload: cfg.OffloadPolicies, SeveralMACs: cfg.SeveralMACs, Anchors: cfg.Anchors, AnchorPatience: cfg.AnchorPatience, MoveFromDead: cfg.MoveFromDead,
		MaximumStations: 2 * cfg.MaximumMobileNodes, Order: cfg.Order, ServeUnasked: cfg.ServeUnasked,
		CacheLifetime: cfg.AAA.CacheLifetime, StaleLifetime: cfg.AAA.StaleLifetime, RejectLifetime: cfg.AAA.RejectLifetime, RetryInterval: cfg.AAA.DeadTime,
		MaximumCached: cfg.AAA.MaximumCached, MaximumWaiting: cfg.AAA.MaximumWaiting,
	}
}

// decide gives the machine of policy an event that nobody would repeat.
func (g *gateway) decide(e decision.Event) { _ = g.policies.engine.Send(e) }

// tell gives it an event from the MAG's machine, which must not wait: policy may be waiting for the MAG.
func (g *gateway) tell(e decision.Event) {
	if g.policies.engine != nil && !g.policies.engine.Post(e) {
		g.counters.Add(policyCount, "queue_full")
	}
}

// decided carries out one action of the machine of policy, in its owner's goroutine.
func (g *gateway) decided(a decision.Action) {
	switch act := a.(type) {
	case decision.Serve:
		g.arrives(act.Attachment)
		g.send(g.linkAttached(act), act.At)
	case decision.Withhold:
		g.arrives(act.Attachment)
		g.counters.Add(mihnode.LinkEvents, string(act.Reason))
		g.log.Debug("mobile node is not served: policy", "mobile_node", act.MobileNodeID, "station", act.LinkLayerID, "reason", act.Reason)
		if mac, ok := act.LinkLayerID.MAC(); ok {
			g.handovers.searches.end(station{act.Interface, mac})
		}
		// Whoever used this station before is not its user any more.
		g.send(mag.LinkDetached{Interface: act.Interface, MobileNodeLinkLayerID: act.LinkLayerID}, act.At)
	case decision.Leave:
		if mac, ok := act.LinkLayerID.MAC(); ok {
			g.left(station{act.Interface, mac}, act.At)
		}
	case decision.Ask:
		g.arrives(act.Attachment)
		g.ask(act)
	case decision.Disassociate:
		g.disassociate(act.Station)
	case decision.DemandAnswered:
		g.servers.listener.Answer(act.Handle, act.Cause)
	case decision.AnchorDied:
		g.counters.Add(policyCount, "anchor_died_"+string(act.Reason))
		g.log.Warn("anchor is left: mobile nodes go to others where policy has them", "lma", act.LMA, "reason", act.Reason)
	case decision.AnchorLives:
		g.counters.Add(policyCount, "anchor_lives")
		g.log.Info("anchor lives, and gets mobile nodes again", "lma", act.LMA)
	case decision.Noted:
		g.counters.Add(policyCount, string(act.Reason))
		if act.Err != nil {
			g.limited.Warn("policy", "reason", act.Reason, "error", act.Err)
		}
	}
}

// associationSign is what a change of a security association says of the anchor behind it.
func associationSign(up bool) decision.Sign {
	if up {
		return decision.AssociationUp
	}
	return decision.AssociationDown
}

// arrives: the station is here, and the MAG need not hear that it was away.
func (g *gateway) arrives(a policy.Attachment) {
	if mac, ok := a.LinkLayerID.MAC(); ok {
		g.handovers.departures.returned(station{a.Interface, mac})
	}
}

// served says whether a mobile node that another gateway announces may come. There is no time to ask a RADIUS server, which is asked
// when the mobile node is here.
func (g *gateway) served(id mobility.MobileNodeID) bool {
	g.policies.mu.Lock()
	defer g.policies.mu.Unlock()
	profile, known := g.policies.table.Own(id)
	if !known && slices.Contains(g.cfg.Order, policy.RADIUS) {
		return true
	}
	if !known {
		profile, known = g.policies.table.Fallback(id)
	}
	return known && profile.ProxyRegistration
}

// reloads reads the file of profiles again with every SIGHUP.
func (g *gateway) reloads(ctx context.Context) error {
	defer signal.Stop(g.policies.hangups)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.policies.hangups:
			if err := g.reload(); err != nil {
				g.log.Error("the file of profiles is not taken; the profiles read before stay in force", "error", err)
			}
		}
	}
}

// reload takes the file of profiles as it is now, all of it or nothing.
func (g *gateway) reload() error {
	p := &g.policies
	profiles, err := g.cfg.ReadProfiles()
	if err == nil && g.cfg.ProfilesFile == "" {
		err = errors.New("there is no policy.profiles_file to read again; whatever else magd.yaml says counts from the next start on")
	}
	p.mu.Lock()
	p.err = err
	if err == nil {
		p.table, p.loaded = policy.NewTable(profiles, g.cfg.Fallback), time.Now()
	}
	table := p.table
	p.mu.Unlock()
	if err != nil {
		g.counters.Add(policyCount, "reload_failed")
		return err
	}
	g.counters.Add(policyCount, "reloaded")
	g.log.Info("profiles read again", "file", g.cfg.ProfilesFile, "profiles", table.Len())
	g.decide(decision.Reloaded{Table: table})
	return nil
}

// policyStatus is what an operator is told of it.
func (g *gateway) policyStatus(ctx context.Context) (*api.PolicyStatus, []string, error) {
	s := &api.PolicyStatus{ProfilesFile: g.cfg.ProfilesFile}
	err := g.policies.engine.Do(ctx, func() {
		c := g.policies.machine.Counts()
		s.Served, s.Withheld, s.Waiting, s.Cached, s.Profiles = c.Served, c.Withheld, c.Waiting, c.Cached, c.Profiles
		s.DeadAnchors = g.policies.machine.Dead()
	})
	if err != nil {
		return s, nil, err
	}
	g.policies.mu.Lock()
	defer g.policies.mu.Unlock()
	s.Loaded = g.policies.loaded
	warnings := g.radiusWarnings()
	if g.policies.err != nil {
		s.Error = g.policies.err.Error()
		warnings = append(warnings, "profiles as of "+s.Loaded.Format(time.RFC3339)+" are in force, the last reload failed: "+s.Error)
	}
	return s, warnings, nil
}
