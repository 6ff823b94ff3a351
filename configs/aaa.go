package configs

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"netlmm/mobility/policy"
)

// AAA is how a gateway asks RADIUS servers for profiles, and who may demand something of it (RFC 5176).
type AAA struct {
	Servers          []AAAServer // none: nobody is asked
	Timeout          time.Duration
	Retries          int
	DeadTime         time.Duration
	NASIdentifier    string
	ServiceSelection string

	CacheLifetime  time.Duration
	StaleLifetime  time.Duration
	RejectLifetime time.Duration
	MaximumCached  int
	MaximumWaiting int

	DynamicAuthorization DynamicAuthorization
}

// AAAServer is one of them.
type AAAServer struct {
	Name       string
	Address    netip.AddrPort
	Source     netip.Addr // zero: as the kernel chooses
	SecretFile string
}

// DynamicAuthorization is who may end and change sessions.
type DynamicAuthorization struct {
	Listen           netip.AddrPort // zero: nobody may
	Clients          []AAAClient
	Window           time.Duration // of Event-Timestamp
	RequireTimestamp bool
}

// AAAClient is one of them.
type AAAClient struct {
	Addresses  netip.Prefix
	SecretFile string
}

type rawAAA struct {
	Servers              []rawAAAServer          `mapstructure:"servers"`
	Timeout              string                  `mapstructure:"timeout"`
	Retries              int                     `mapstructure:"retries"`
	DeadTime             string                  `mapstructure:"dead_time"`
	NASIdentifier        string                  `mapstructure:"nas_identifier"`
	ServiceSelection     string                  `mapstructure:"service_selection"`
	CacheLifetime        string                  `mapstructure:"cache_lifetime"`
	StaleLifetime        string                  `mapstructure:"stale_lifetime"`
	RejectLifetime       string                  `mapstructure:"reject_lifetime"`
	MaximumCached        int                     `mapstructure:"maximum_cached"`
	MaximumWaiting       int                     `mapstructure:"maximum_waiting"`
	DynamicAuthorization rawDynamicAuthorization `mapstructure:"dynamic_authorization"`
}

type rawAAAServer struct {
	Name       string `mapstructure:"name"`
	Address    string `mapstructure:"address"`
	Port       int    `mapstructure:"port" default:"1812"`
	Source     string `mapstructure:"source"`
	SecretFile string `mapstructure:"secret_file"`
}

type rawDynamicAuthorization struct {
	Listen           string         `mapstructure:"listen"`
	Clients          []rawAAAClient `mapstructure:"clients"`
	Window           string         `mapstructure:"event_timestamp_window"`
	RequireTimestamp bool           `mapstructure:"require_event_timestamp"`
}

type rawAAAClient struct {
	Address    string `mapstructure:"address"`
	SecretFile string `mapstructure:"secret_file"`
}

var defaultAAA = rawAAA{
	Timeout: "1s", Retries: 2, DeadTime: "30s", CacheLifetime: "5m", StaleLifetime: "24h", RejectLifetime: "10s", MaximumCached: 10000, MaximumWaiting: 1024,
	DynamicAuthorization: rawDynamicAuthorization{Window: "5m", RequireTimestamp: true},
}

// sources reads whom a gateway asks for profiles, and what holds while nobody answers.
func (p *problems) sources(c *Magd, raw rawMagdPolicy) {
	for i, text := range raw.Order {
		at := fmt.Sprintf("policy.order[%d]", i)
		source := policy.Source(p.oneOf(at, text, string(policy.File), string(policy.RADIUS)))
		if slices.Contains(c.Order, source) {
			p.add(at, text, "stands twice: keep one")
		}
		c.Order = append(c.Order, source)
	}
	if len(raw.Order) == 0 {
		p.add("policy.order", "", "is empty: want file, radius or both")
	}
	asks := slices.Contains(c.Order, policy.RADIUS)
	c.ServeUnasked = p.oneOf("policy.on_silence", raw.OnSilence, "refuse", "default") == "default"
	if c.ServeUnasked && c.Fallback == nil {
		p.add("policy.on_silence", raw.OnSilence, "serves nobody with policy.default deny: want one of them changed")
	}
	if !slices.Contains(c.Order, policy.File) && (len(raw.MobileNodes) > 0 || raw.ProfilesFile != "") {
		p.add("policy.order", "", "lacks file, so that policy.mobile_nodes and policy.profiles_file have no effect: want [file, radius], or these taken away")
	}
	c.AAA = p.aaa(raw.AAA)
	switch {
	case asks && len(c.AAA.Servers) == 0:
		p.add("policy.radius.servers", "", "is missing: policy.order wants radius asked")
	case !asks && len(c.AAA.Servers) > 0:
		p.add("policy.radius.servers", "", "are not asked: want radius in policy.order")
	}
}

func (p *problems) aaa(raw rawAAA) AAA {
	r := AAA{
		Timeout:        p.duration("policy.radius.timeout", raw.Timeout, 50*time.Millisecond, 30*time.Second),
		Retries:        p.between("policy.radius.retries", raw.Retries, 0, 10),
		DeadTime:       p.durationOrOff("policy.radius.dead_time", raw.DeadTime, time.Second, time.Hour),
		CacheLifetime:  p.durationOrOff("policy.radius.cache_lifetime", raw.CacheLifetime, time.Second, 24*time.Hour),
		StaleLifetime:  p.durationOrOff("policy.radius.stale_lifetime", raw.StaleLifetime, time.Second, 30*24*time.Hour),
		RejectLifetime: p.durationOrOff("policy.radius.reject_lifetime", raw.RejectLifetime, time.Second, 24*time.Hour),
		MaximumCached:  p.between("policy.radius.maximum_cached", raw.MaximumCached, 0, 1000000),
		MaximumWaiting: p.between("policy.radius.maximum_waiting", raw.MaximumWaiting, 1, 65535),
		NASIdentifier:  p.notLonger("policy.radius.nas_identifier", raw.NASIdentifier, longestAttribute), ServiceSelection: p.notLonger("policy.radius.service_selection", raw.ServiceSelection, longestAttribute),
	}
	if r.NASIdentifier == "" {
		r.NASIdentifier, _ = os.Hostname() // without one there is the address
	}
	names := map[string]bool{}
	for i, s := range raw.Servers {
		at := fmt.Sprintf("policy.radius.servers[%d]", i)
		server := p.aaaServer(at, s)
		if names[server.Name] {
			p.add(at+".name", server.Name, "stands twice: want a name of its own for each server")
		}
		names[server.Name] = true
		r.Servers = append(r.Servers, server)
	}
	r.DynamicAuthorization = p.dynamicAuthorization(raw.DynamicAuthorization)
	return r
}

func (p *problems) aaaServer(at string, raw rawAAAServer) AAAServer {
	port := p.between(at+".port", raw.Port, 1, 65535)
	s := AAAServer{Name: raw.Name, Address: netip.AddrPortFrom(p.serverAddress(at+".address", raw.Address), uint16(port)), SecretFile: p.secretFile(at+".secret_file", raw.SecretFile)}
	if raw.Source != "" {
		s.Source = p.serverAddress(at+".source", raw.Source)
		if s.Source.Is4() != s.Address.Addr().Is4() {
			p.add(at+".source", raw.Source, "want an address of the family of "+raw.Address)
		}
	}
	if s.Name == "" {
		s.Name = raw.Address
	}
	return s
}

// serverAddress reads an address of either family; a server may be on this host.
func (p *problems) serverAddress(key, value string) netip.Addr {
	a, err := netip.ParseAddr(value)
	if err != nil || a.Is4In6() || a.Zone() != "" || a.IsUnspecified() || a.IsMulticast() {
		p.add(key, value, "want an IPv4 or IPv6 address such as 192.0.2.5 or 2001:db8::5")
	}
	return a
}

func (p *problems) dynamicAuthorization(raw rawDynamicAuthorization) DynamicAuthorization {
	const key = "policy.radius.dynamic_authorization"
	d := DynamicAuthorization{Window: p.duration(key+".event_timestamp_window", raw.Window, time.Second, time.Hour), RequireTimestamp: raw.RequireTimestamp}
	if raw.Listen != "" {
		var err error
		if d.Listen, err = netip.ParseAddrPort(raw.Listen); err != nil || d.Listen.Port() == 0 {
			p.add(key+".listen", raw.Listen, `want an address with its port, such as "[::]:3799"`)
		}
		if len(raw.Clients) == 0 {
			p.add(key+".clients", "", "is missing: want at least one client that may demand something")
		}
	}
	for i, c := range raw.Clients {
		at := fmt.Sprintf("%s.clients[%d]", key, i)
		client := AAAClient{SecretFile: p.secretFile(at+".secret_file", c.SecretFile)}
		if prefix, err := netip.ParsePrefix(c.Address); err == nil && prefix.Bits() > 0 && prefix.Masked() == prefix {
			client.Addresses = prefix
		} else if a := p.serverAddress(at+".address", c.Address); a.IsValid() {
			client.Addresses = netip.PrefixFrom(a, a.BitLen())
		}
		d.Clients = append(d.Clients, client)
	}
	return d
}
