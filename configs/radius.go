package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mih"
)

// Radius is the listener for RADIUS accounting; off without Listen.
type Radius struct {
	Listen          netip.AddrPort
	Identity        []string // chargeable_user_identity, user_name: the order in which they are looked at
	RateLimit       int      // requests of one address in a second
	SessionTimeout  int      // Acct-Interim-Intervals in which a session may be silent; 0: any number
	InterimInterval time.Duration
	Clients         []RadiusClient
	Forward         RadiusForward
}

// RadiusClient is an access point or controller whose accounting is believed.
type RadiusClient struct {
	Address                     netip.Prefix
	SecretFile                  string
	RequireMessageAuthenticator bool
	Links                       []RadiusLink // the first that matches counts
}

// RadiusLink is where stations of a client are.
type RadiusLink struct {
	AccessPoint       string // its NAS-Identifier, or its name or address in Called-Station-Id; "": any
	SSID, VLAN        string // "": any
	Interface         string // as that of HostapdSource
	PointOfAttachment mih.LinkAddress
	LinkType          mih.LinkType // where a request does not say it
}

// RadiusForward is an accounting server that gets every record; off without Server.
type RadiusForward struct {
	Server     netip.AddrPort
	SecretFile string
	Always     bool // clients are answered before the server is
}

type (
	rawRadius struct {
		Listen          string            `mapstructure:"listen"`
		Identity        []string          `mapstructure:"identity"`
		RateLimit       int               `mapstructure:"rate_limit"`
		SessionTimeout  int               `mapstructure:"session_timeout"`
		InterimInterval string            `mapstructure:"interim_interval"`
		Clients         []rawRadiusClient `mapstructure:"clients"`
		ForwardTo       rawRadiusForward  `mapstructure:"forward_to"`
	}
	rawRadiusClient struct {
		Address                     string          `mapstructure:"address"`
		SecretFile                  string          `mapstructure:"secret_file"`
		RequireMessageAuthenticator bool            `mapstructure:"require_message_authenticator" default:"false"`
		Interface                   string          `mapstructure:"interface"`
		PointOfAttachment           string          `mapstructure:"point_of_attachment"`
		Links                       []rawRadiusLink `mapstructure:"links"`
	}
	rawRadiusLink struct {
		AccessPoint       string `mapstructure:"access_point"`
		SSID              string `mapstructure:"ssid"`
		VLAN              string `mapstructure:"vlan"`
		Interface         string `mapstructure:"interface"`
		PointOfAttachment string `mapstructure:"point_of_attachment"`
	}
	rawRadiusForward struct {
		Address    string `mapstructure:"address"`
		SecretFile string `mapstructure:"secret_file"`
		Answer     string `mapstructure:"answer"`
	}
)

var defaultRadius = rawRadius{Identity: []string{"chargeable_user_identity", "user_name"}, RateLimit: 2000, InterimInterval: "0s",
	ForwardTo: rawRadiusForward{Answer: "forwarded"}}

const (
	longestSSID      = 32  // IEEE 802.11 section 9.4.2.2
	longestAttribute = 253 // RFC 2865 section 5
)

// radius reads the listener; known judges the interfaces of its clients, typeOf is the technology of what has such a name.
func (p *problems) radius(raw rawRadius, known func(key, name string), typeOf func(name string) mih.LinkType) (c Radius) {
	const at = "adapters.radius"
	if raw.Listen == "" {
		if len(raw.Clients) > 0 || raw.ForwardTo.Address != "" {
			p.add(at+".listen", "", `is missing although there are clients or forward_to: want "[::]:1813"`)
		}
		return c
	}
	c = Radius{
		Listen: p.addrPort(at+".listen", raw.Listen), Identity: p.identityAttributes(at+".identity", raw.Identity),
		RateLimit:       p.between(at+".rate_limit", raw.RateLimit, 1, 1_000_000),
		SessionTimeout:  p.between(at+".session_timeout", raw.SessionTimeout, 0, 100),
		InterimInterval: p.durationOrOff(at+".interim_interval", raw.InterimInterval, time.Second, 24*time.Hour),
		Forward:         p.radiusForward(at+".forward_to", raw.ForwardTo),
	}
	if len(raw.Clients) == 0 {
		p.add(at+".clients", "", "is missing: want the access points that are believed, each with its secret_file")
	}
	if c.Forward.Server.IsValid() && c.Forward.Server == c.Listen {
		p.add(at+".forward_to.address", raw.ForwardTo.Address, "is adapters.radius.listen: want another server")
	}
	for i, r := range raw.Clients {
		at := fmt.Sprintf("%s.clients[%d]", at, i)
		client := p.radiusClient(at, r, known, typeOf)
		if slices.ContainsFunc(c.Clients, func(other RadiusClient) bool { return other.Address == client.Address }) {
			p.add(at+".address", r.Address, "stands twice: keep one; links tell the stations of one client apart")
		}
		p.heardAt(at+".address", client.Address, c.Listen)
		c.Clients = append(c.Clients, client)
	}
	return c
}

func (p *problems) radiusClient(at string, raw rawRadiusClient, known func(key, name string), typeOf func(name string) mih.LinkType) RadiusClient {
	c := RadiusClient{
		Address: p.hostOrPrefix(at+".address", raw.Address), SecretFile: p.secretFile(at+".secret_file", raw.SecretFile),
		RequireMessageAuthenticator: raw.RequireMessageAuthenticator,
	}
	link := func(at string, raw rawRadiusLink) {
		known(at+".interface", raw.Interface)
		l := RadiusLink{
			AccessPoint: p.notLonger(at+".access_point", raw.AccessPoint, longestAttribute), SSID: p.notLonger(at+".ssid", raw.SSID, longestSSID),
			VLAN: p.notLonger(at+".vlan", raw.VLAN, longestAttribute), Interface: raw.Interface, LinkType: typeOf(raw.Interface),
		}
		if raw.PointOfAttachment != "" {
			l.PointOfAttachment = p.linkAddress(at+".point_of_attachment", raw.PointOfAttachment)
		}
		c.Links = append(c.Links, l)
	}
	for i, l := range raw.Links {
		at := fmt.Sprintf("%s.links[%d]", at, i)
		if l.AccessPoint == "" && l.SSID == "" && l.VLAN == "" {
			p.add(at, "", "has none of access_point, ssid and vlan: want one of them; the interface of all other stations stands in the client")
		}
		link(at, l)
	}
	if raw.Interface != "" || len(raw.Links) == 0 {
		link(at, rawRadiusLink{Interface: raw.Interface, PointOfAttachment: raw.PointOfAttachment})
	} else if raw.PointOfAttachment != "" {
		p.add(at+".point_of_attachment", raw.PointOfAttachment, "has no effect without interface: want it in the links")
	}
	return c
}

func (p *problems) radiusForward(at string, raw rawRadiusForward) (f RadiusForward) {
	f.Always = p.oneOf(at+".answer", raw.Answer, "forwarded", "always") == "always"
	switch {
	case raw.Address != "":
		f.Server, f.SecretFile = p.addrPort(at+".address", raw.Address), p.secretFile(at+".secret_file", raw.SecretFile)
		if f.Server.Addr().IsUnspecified() {
			p.add(at+".address", raw.Address, "want the address of the accounting server")
		}
	case raw.SecretFile != "":
		p.add(at+".address", "", "is missing although there is a secret_file: want address:port of an accounting server, such as 192.0.2.5:1813")
	}
	return f
}

func (p *problems) identityAttributes(key string, values []string) []string {
	if len(values) == 0 {
		p.add(key, "", "is empty: want chargeable_user_identity, user_name or both")
	}
	for i, value := range values {
		p.oneOf(fmt.Sprintf("%s[%d]", key, i), value, "chargeable_user_identity", "user_name")
	}
	return values
}

// heardAt checks that the listener of RADIUS can hear a source: one for IPv4 hears no IPv6, and the other way round.
func (p *problems) heardAt(key string, source netip.Prefix, listen netip.AddrPort) {
	at := listen.Addr().Unmap()
	if !source.IsValid() || !at.IsValid() || source.Addr().Is4() == at.Is4() || at == netip.IPv6Unspecified() {
		return
	}
	p.add(key, source.String(), fmt.Sprintf("is never heard at adapters.radius.listen %v, of the other IP version: want [::]:%d there", listen, listen.Port()))
}
