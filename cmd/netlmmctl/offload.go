package main

import (
	"fmt"
	"net/netip"
	"strings"

	"netlmm/mobility"
)

// offloadPolicy prints in the words of the configuration, which looks from the mobile node; the records have those of RFC 6088, of
// packets towards it.
type offloadPolicy mobility.OffloadPolicy

// String is short enough for a table: the first selector, and how many more there are.
func (o offloadPolicy) String() string {
	policy := mobility.OffloadPolicy(o)
	if policy.IsZero() || policy == mobility.OffloadNothing() {
		return policy.String()
	}
	text := policy.Mode.String() + ": " + selectorWords(policy.Selectors.List()[0])
	if more := policy.Selectors.Len() - 1; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

func selectorWords(s mobility.TrafficSelector) string {
	var words []string
	addresses := func(key string, r mobility.AddressRange) {
		if !r.IsZero() {
			words = append(words, key+" "+network(r))
		}
	}
	numbers := func(key string, r mobility.NumberRange) {
		if !r.IsZero() {
			words = append(words, key+" "+r.String())
		}
	}
	addresses("correspondents", s.Source)
	numbers("correspondent_ports", s.SourcePort)
	addresses("mobile_node_addresses", s.Destination) // no configuration says it, but a proposal of others may
	numbers("mobile_node_ports", s.DestinationPort)
	if name, known := protocolNames[s.Protocol]; known {
		words = append(words, "protocol "+name)
	} else {
		numbers("protocol", s.Protocol)
	}
	numbers("ds", s.DS)
	numbers("spi", s.SPI)
	if len(words) == 0 {
		return "everything"
	}
	return strings.Join(words, " ")
}

// protocolNames are those that a configuration may use for one protocol.
var protocolNames = map[mobility.NumberRange]string{
	mobility.Numbers(1, 1): "icmp", mobility.Numbers(6, 6): "tcp", mobility.Numbers(17, 17): "udp",
	mobility.Numbers(50, 50): "esp", mobility.Numbers(51, 51): "ah", mobility.Numbers(132, 132): "sctp",
}

// network is a range of addresses as one prefix, where it is one of several addresses.
func network(r mobility.AddressRange) string {
	for length := range 32 {
		if p := netip.PrefixFrom(r.First, length); p == p.Masked() && mobility.Addresses(p) == r {
			return p.String()
		}
	}
	return r.String()
}
