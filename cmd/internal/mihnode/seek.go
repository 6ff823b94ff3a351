package mihnode

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"netlmm/configs"
	"netlmm/mih/mihf"
	"netlmm/mih/miis"
	"netlmm/mih/transport"
	"netlmm/mih/transport/discover"
	"netlmm/mih/transport/mos"
)

const (
	maximumFound = 16 // peers that are found, in all

	seekAgain    = time.Hour        // after what was found
	seekFirst    = 10 * time.Second // after a failure, doubling up to seekAgain
	seekPatience = 30 * time.Second // for DHCP, and for the DNS

	systemResolver = "/etc/resolv.conf"
)

// seeker looks for MIH Functions by DNS and DHCP, as often as it is told.
type seeker struct {
	configs.Discovery
	resolver  func() (*discover.Resolver, error)
	dns, dhcp []discover.Server // of the last time that there was an answer
	heard     map[netip.AddrPort]time.Time
}

func newSeeker(d configs.Discovery, resolvers string) *seeker {
	return &seeker{Discovery: d, resolver: func() (*discover.Resolver, error) { return discover.System(resolvers) }}
}

// seek looks for peers again and again, slowly, and listens for those that say that they are there. Those that are found are asked who they
// are like others that are known by their address.
func (n *Node) seek(ctx context.Context) error {
	s, pause := newSeeker(n.cfg.MIH.Discovery, cmp.Or(n.cfg.Resolvers, systemResolver)), seekFirst
	look, announce := time.NewTimer(0), time.NewTimer(0)
	defer look.Stop()
	defer announce.Stop()
	if !n.cfg.MIH.Discovery.Multicast.IsValid() {
		announce.Stop()
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			look.Reset(n.lookOnce(ctx, s, &pause))
		case from := <-n.heard:
			if s.hear(from, time.Now()) {
				n.sought(s.servers())
			}
		case <-announce.C:
			n.announce()
			if s.forget(time.Now()) {
				n.sought(s.servers())
			}
			announce.Reset(announceEvery*3/4 + rand.N(announceEvery/4))
		}
	}
}

// lookOnce looks by DNS and DHCP, and says when to do so again.
func (n *Node) lookOnce(ctx context.Context, s *seeker, pause *time.Duration) time.Duration {
	err := s.look(ctx)
	if ctx.Err() != nil {
		return seekAgain
	}
	n.sought(s.servers())
	wait := *pause
	if err != nil {
		n.cfg.Counters.Add(DiscoveryCount, "failed")
		n.limited.Warn("MIH Functions are not looked for everywhere; those that were found stay", "error", err, "again_after", wait)
	}
	if *pause = min(2*wait, seekAgain); err == nil {
		wait, *pause = seekAgain, seekFirst
	}
	return wait*3/4 + rand.N(wait/4) // not all at once after a power cut
}

// look looks once. Where there is no answer, what was there before counts.
func (s *seeker) look(ctx context.Context) error {
	resolver, err := s.resolver()
	if err != nil && s.DNSDomain != "" {
		return err
	}
	var byDNS, byDHCP error
	if s.DNSDomain != "" {
		s.dns, byDNS = keep(s.dns)(s.byDNS(ctx, resolver))
	}
	if s.DHCP != 0 {
		s.dhcp, byDHCP = keep(s.dhcp)(s.byDHCP(ctx, resolver))
	}
	return errors.Join(byDNS, byDHCP)
}

// keep stays with the servers of before when there are no new ones because of an error.
func keep(before []discover.Server) func([]discover.Server, error) ([]discover.Server, error) {
	return func(now []discover.Server, err error) ([]discover.Server, error) {
		if err != nil && len(now) == 0 {
			return before, err
		}
		return now, err
	}
}

func (s *seeker) byDNS(ctx context.Context, resolver *discover.Resolver) (servers []discover.Server, failed error) {
	ctx, cancel := context.WithTimeout(ctx, seekPatience)
	defer cancel()
	for _, service := range mos.Services {
		found, err := resolver.Lookup(ctx, s.DNSDomain, service)
		servers, failed = append(servers, found...), errors.Join(failed, unlessNone(err))
	}
	return servers, failed
}

// unlessNone passes over the answer that there are none.
func unlessNone(err error) error {
	var none *discover.NoServersError
	if errors.As(err, &none) || errors.Is(err, discover.ErrNoServices) {
		return nil
	}
	return err
}

// byDHCP asks for addresses, and looks domains up where there are none.
func (s *seeker) byDHCP(ctx context.Context, resolver *discover.Resolver) (servers []discover.Server, failed error) {
	ctx, cancel := context.WithTimeout(ctx, seekPatience)
	defer cancel()
	ask := discover.DHCPv6
	if s.DHCP == 4 {
		ask = discover.DHCPv4
	}
	offer, err := ask(ctx, s.Interface)
	if failed = unlessNone(err); failed != nil {
		return nil, failed
	}
	for _, service := range mos.Services {
		found := offer.Servers(service)
		if len(found) == 0 && resolver != nil {
			found, _, err = resolver.First(ctx, offer.Domains(service), service)
			failed = errors.Join(failed, unlessNone(err))
		}
		servers = append(servers, found...)
	}
	return servers, failed
}

// servers are all that were found, each address once.
func (s *seeker) servers() (list []discover.Server) {
	for _, server := range slices.Concat(s.dns, s.dhcp, s.announced()) {
		if !slices.ContainsFunc(list, func(o discover.Server) bool { return o.Addr.Addr() == server.Addr.Addr() }) {
			list = append(list, server)
		}
	}
	return list
}

// sought makes peers of servers, as many as are usable and fit.
func (n *Node) sought(servers []discover.Server) {
	var peers []configs.MIHPeer
	for _, server := range servers {
		switch why := n.unusable(server.Addr); {
		case why != "":
			n.cfg.Counters.Add(DiscoveryCount, why)
			n.limited.Info("an MIH Function that was found is no peer", "server", server, "reason", why)
		case len(peers) == maximumFound:
			n.cfg.Counters.Add(DiscoveryCount, "too_many")
		default:
			n.cfg.Counters.Add(DiscoveryCount, "found")
			peers = append(peers, configs.MIHPeer{
				Name: cmp.Or(server.Name, server.Addr.Addr().String()), Address: server.Addr, TCP: server.Protocol == transport.TCP,
				Protected: !n.cfg.MIH.Discovery.Laboratory,
			})
		}
	}
	for _, id := range n.directory.replace(peers) {
		n.log.Info("MIH peer is found no more", "mihf_id", id)
		n.Send(mihf.PeerGone{MIHFID: id})
		n.abilities.forget(id)
		if i := n.cfg.Information; i != nil {
			i.Map(func(m *miis.Map) { m.Forget(id) })
		}
	}
}

// unusable says why a server cannot be a peer; empty: it can.
func (n *Node) unusable(at netip.AddrPort) (why string) {
	a, d := at.Addr(), n.cfg.MIH.Discovery
	reached := func(own netip.Addr) bool { return own.Is4() == a.Is4() && !own.IsLoopback() }
	switch {
	case !a.IsGlobalUnicast() || a.IsLoopback() || a.Is4In6() || at.Port() == 0:
		return "no_address"
	case slices.Contains(n.cfg.MIH.Listen, a):
		return "own_address"
	case !slices.ContainsFunc(n.cfg.MIH.Listen, reached):
		return "not_reached"
	case !d.Laboratory && (at.Port() != transport.Port || !slices.Contains(d.Associations, a)):
		return "no_association"
	}
	return ""
}
