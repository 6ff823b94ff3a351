package discover

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"netlmm/mih/transport"
	"netlmm/mih/transport/mos"
)

// lookup is one service of one domain.
type lookup struct {
	resolver  *Resolver
	service   mos.Service
	questions int
	servers   []Server
	failed    error // the last; what was found counts nevertheless
}

// NoServersError says that the DNS knows of no server of the service in the domain.
type NoServersError struct {
	Service mos.Service
	Domain  string
}

// Error names the domain.
func (e *NoServersError) Error() string {
	return fmt.Sprintf("the DNS names no server of %s in the domain %s (neither NAPTR nor SRV records, or none that can be used)", e.Service, e.Domain)
}

// Lookup finds the servers of a service in a domain as RFC 5679 section 2 says: by its NAPTR records, without any by the SRV
// records of the service, in order of preference. An error is a *NoServersError, or tells why the DNS did not answer.
func (r *Resolver) Lookup(ctx context.Context, domain string, service mos.Service) ([]Server, error) {
	if _, ok := dns.IsDomainName(domain); !ok || dns.Fqdn(domain) == "." {
		return nil, fmt.Errorf("look up %s in the domain %q: it is no domain name", service, domain)
	}
	l := &lookup{resolver: r, service: service}
	name := dns.Fqdn(domain)
	answer, err := l.query(ctx, name, dns.TypeNAPTR)
	if err != nil {
		return nil, fmt.Errorf("look up %s in the domain %s: %w", service, domain, err)
	}
	targets := naptrTargets(answer, name, service)
	if len(targets) == 0 {
		targets = l.assumedTargets(name)
	}
	for _, target := range targets {
		l.follow(ctx, target)
	}
	switch {
	case len(l.servers) > 0:
		return l.servers, nil
	case l.failed != nil:
		return nil, fmt.Errorf("look up %s in the domain %s: %w", service, domain, l.failed)
	}
	return nil, &NoServersError{service, domain}
}

// First looks a service up in domains that DHCP has named, one after the other, until one has servers (RFC 5678 section 3). rest
// are the domains behind that, for when none of its servers can be reached.
func (r *Resolver) First(ctx context.Context, domains []string, service mos.Service) (servers []Server, rest []string, err error) {
	err = &NoServersError{service, "(none is named)"}
	for i, domain := range domains {
		if servers, err = r.Lookup(ctx, domain, service); err == nil || ctx.Err() != nil {
			return servers, domains[i+1:], err
		}
	}
	return nil, nil, err
}

// target is where the SRV records of a protocol are.
type target struct {
	name     string
	protocol transport.Protocol
}

// assumedTargets are those of a domain without NAPTR records (RFC 5679 section 2.2).
func (l *lookup) assumedTargets(domain string) (targets []target) {
	for _, protocol := range preferred(l.service) {
		targets = append(targets, target{"_" + l.service.String() + "._" + protocol.String() + "." + domain, protocol})
	}
	return targets
}

// follow adds the servers of the target's SRV records.
func (l *lookup) follow(ctx context.Context, t target) {
	answer, err := l.query(ctx, t.name, dns.TypeSRV)
	if err != nil {
		l.failed = err
		return
	}
	for _, record := range srvHosts(answer, t.name) {
		for _, address := range l.addresses(ctx, answer, record.Target) {
			server := Server{l.service, t.protocol, netip.AddrPortFrom(address, record.Port), hostName(record.Target)}
			if len(l.servers) < maximumServers && !slices.Contains(l.servers, server) {
				l.servers = append(l.servers, server)
			}
		}
	}
}

// addresses are those of a host: what the server has told unasked, or what it answers.
func (l *lookup) addresses(ctx context.Context, told *dns.Msg, host string) []netip.Addr {
	if known := hostAddresses(told.Extra, host); len(known) > 0 {
		return known
	}
	var records []dns.RR
	for _, kind := range []uint16{dns.TypeAAAA, dns.TypeA} {
		answer, err := l.query(ctx, host, kind)
		if err != nil {
			l.failed = err
			continue
		}
		records = append(records, answer.Answer...)
	}
	return hostAddresses(records, host)
}
