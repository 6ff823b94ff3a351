package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mobility"
	"netlmm/mobility/policy"
	"netlmm/mobility/policy/decision"
	"netlmm/mobility/policy/radius"
)

// radiusCount is the name of the counter of what RADIUS servers were asked, said and demanded.
const radiusCount = "netlmm_radius_total"

// disassociationPatience is how long an access point has to send a station away.
const disassociationPatience = time.Second

// servers are the RADIUS servers of a gateway, in both directions; each is nil where the configuration has none.
type servers struct {
	client   *radius.Client
	listener *radius.Listener
}

func (g *gateway) openRADIUS() error {
	cfg := g.cfg.AAA
	nas := radius.NAS{Identifier: cfg.NASIdentifier, IPv6Address: g.cfg.ProxyCareOfAddress, IPv4Address: g.cfg.IPv4ProxyCareOfAddress}
	if len(cfg.Servers) > 0 {
		c := radius.Config{
			NAS: nas, Features: features(g.cfg), ServiceSelection: cfg.ServiceSelection, Timeout: cfg.Timeout, Retries: cfg.Retries, DeadTime: cfg.DeadTime,
			Queue: cfg.MaximumWaiting, Log: g.limited, Count: func(what string) { g.counters.Add(radiusCount, what) },
		}
		for _, s := range cfg.Servers {
			secret, err := readSecret(s.SecretFile)
			if err != nil {
				return err
			}
			c.Servers = append(c.Servers, radius.Server{Name: s.Name, Address: s.Address, Source: s.Source, Secret: secret})
		}
		g.servers.client = radius.New(c)
	}
	return g.openListener(nas)
}

func (g *gateway) openListener(nas radius.NAS) error {
	cfg := g.cfg.AAA.DynamicAuthorization
	if !cfg.Listen.IsValid() {
		return nil
	}
	c := radius.ListenerConfig{
		Listen: cfg.Listen, NAS: nas, Window: cfg.Window, RequireTimestamp: cfg.RequireTimestamp, Log: g.limited,
		Count: func(what string) { g.counters.Add(radiusCount, "demand_"+what) },
	}
	for _, link := range g.cfg.AccessLinks {
		c.Untrusted = append(c.Untrusted, link.Interface)
	}
	for _, client := range cfg.Clients {
		secret, err := readSecret(client.SecretFile)
		if err != nil {
			return err
		}
		c.Clients = append(c.Clients, radius.DynamicClient{Addresses: client.Addresses, Secret: secret})
	}
	g.servers.listener = radius.NewListener(c)
	return nil
}

// readSecret takes the first line of a file.
func readSecret(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("RADIUS secret: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return nil, fmt.Errorf("RADIUS secret: the first line of %s is empty", file)
	}
	return []byte(line), nil
}

// features are what this gateway can do (RFC 6572 section 4.1).
func features(cfg *configs.Magd) policy.Features {
	f := policy.PMIP6Supported | policy.IP4HoASupported | policy.LocalMAGRoutingSupported
	if cfg.IPv4ProxyCareOfAddress.IsValid() {
		f |= policy.IP4TransportSupported
	}
	return f
}

func (g *gateway) radiusTasks() (tasks []daemon.Task) {
	if g.servers.client != nil {
		tasks = append(tasks, daemon.Task{Name: "RADIUS", Run: func(ctx context.Context) error {
			return g.servers.client.Run(ctx, func(id policy.QueryID, v policy.Verdict) { g.decide(decision.Answered{ID: id, Verdict: v}) })
		}})
	}
	if g.servers.listener != nil {
		tasks = append(tasks, daemon.Task{Name: "RADIUS demands", Run: func(ctx context.Context) error {
			return g.servers.listener.Run(ctx, func(d policy.Demand) bool { return g.policies.engine.Post(decision.Demanded{Demand: d}) })
		}})
	}
	return tasks
}

// portTypes are NAS-Port-Types (RFC 2865 section 5.41) of access technologies.
var portTypes = map[mobility.AccessTechnologyType]uint32{mobility.AccessVirtual: 5, mobility.AccessEthernet: 15, mobility.AccessWLAN: 19, mobility.AccessWiMAX: 27}

// ask gives a question to the RADIUS client, in the policy machine's goroutine. There are never more of them than the client has room for.
func (g *gateway) ask(a decision.Ask) {
	q := a.Query
	if link := g.access[a.Interface]; link != nil {
		q.PortType = portTypes[link.technology]
	}
	if g.servers.client == nil || !g.servers.client.Post(q) {
		g.counters.Add(radiusCount, "queue_full")
		go g.decide(decision.Answered{ID: q.ID}) // this goroutine is who takes it
	}
}

// disassociate has the access point send a station away whose session was ended; where it cannot, the station stays there without service.
func (g *gateway) disassociate(s policy.Station) {
	mac, ok := s.LinkLayerID.MAC()
	if !ok {
		return
	}
	g.later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), disassociationPatience)
		defer cancel()
		var links []mihf.Link
		if g.mih.Do(ctx, func(m *mihf.MIHF) { links = m.Links() }) != nil {
			return
		}
		at := slices.IndexFunc(links, func(l mihf.Link) bool {
			return l.Station == mih.MACAddress(mac) && l.State != mihf.LinkDown && g.behind.access(l.Source, l.Interface, g.cfg.MIH.MIHFID) == s.Interface
		})
		outcome := mih.ActionIncapable
		if at >= 0 {
			outcome = g.mih.Act(ctx, mih.LinkActionRequest{
				Link: mih.LinkID{Type: links[at].Type, Address: links[at].Station}, Action: mih.LinkAction{Type: mih.ActionDisconnect},
			}).Outcome
		}
		if outcome == mih.ActionSucceeded {
			g.counters.Add(mihnode.LinkEvents, "disassociated")
		} else {
			g.counters.Add(mihnode.LinkEvents, "not_disassociated")
			g.log.Info("access point cannot send a station away whose session was ended", "station", s.LinkLayerID, "interface", s.Interface, "outcome", outcome)
		}
	})
}

// radiusWarnings are what an operator should look at.
func (g *gateway) radiusWarnings() (list []string) {
	if g.servers.client != nil {
		for _, name := range g.servers.client.Silent() {
			list = append(list, "RADIUS server "+name+" does not answer")
		}
	}
	if g.servers.listener != nil {
		if _, err := g.servers.listener.Address(); err != nil {
			list = append(list, "RADIUS servers' demands are not heard: "+err.Error())
		}
	}
	return list
}
