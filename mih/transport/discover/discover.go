// Package discover finds MIH Functions that serve: by DNS, from the name of a domain (RFC 5679), and by DHCP, from the network
// that this host is in (RFC 5678). Neither is authenticated: who needs more than a hint runs DNSSEC at its resolver and IPsec
// to what was found.
package discover

import (
	"fmt"
	"net/netip"

	"netlmm/mih/transport"
	"netlmm/mih/transport/mos"
)

// Server is where one service is to be had. Lists of them are in order of preference.
type Server struct {
	Service  mos.Service
	Protocol transport.Protocol
	Addr     netip.AddrPort
	Name     string // of its host; empty: DHCP named the address
}

// Destination is for sending to it.
func (s Server) Destination() transport.Destination {
	return transport.Destination{Addr: s.Addr, Protocol: s.Protocol}
}

// String names all of it.
func (s Server) String() string {
	name := ""
	if s.Name != "" {
		name = " (" + s.Name + ")"
	}
	return fmt.Sprintf("%s at %s over %s%s", s.Service, s.Addr, s.Protocol, name)
}

// preferred are the protocols of a server of which nothing else is known: it has both (RFC 5679 section 2.1). TCP is the
// default, but events and commands are short and urgent (RFC 5677 section 6.5).
func preferred(service mos.Service) []transport.Protocol {
	if service == mos.InformationService {
		return []transport.Protocol{transport.TCP, transport.UDP}
	}
	return []transport.Protocol{transport.UDP, transport.TCP}
}
