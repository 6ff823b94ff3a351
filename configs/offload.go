package configs

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"netlmm/mobility"
)

// Bounds of the offload policies of one configuration.
const (
	maximumOffloadPolicies = 256
	noOffloadPolicy        = "none"    // in the place of a name
	offloadNothing         = "nothing" // the name of the policy that there always is
)

// offloadName is what an offload policy may be called: RADIUS servers send its name, and tables show it.
var offloadName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// rawOffloadPolicy is one offload policy (RFC 6909).
type rawOffloadPolicy struct {
	Name      string               `mapstructure:"name"`
	Offload   string               `mapstructure:"offload" default:"matching"`
	Selectors []rawTrafficSelector `mapstructure:"selectors"`
}

// rawTrafficSelector is one traffic selector (RFC 6088 section 3.1) in the words of who looks at the network from the mobile node.
type rawTrafficSelector struct {
	Correspondents     string     `mapstructure:"correspondents"`
	CorrespondentPorts rawNumbers `mapstructure:"correspondent_ports"`
	MobileNodePorts    rawNumbers `mapstructure:"mobile_node_ports"`
	Protocol           rawNumbers `mapstructure:"protocol"`
	DS                 rawNumbers `mapstructure:"ds"`
	SPI                rawNumbers `mapstructure:"spi"`
}

// rawNumbers is a number or a range of them. YAML has the first as a number, the second as text; both are taken.
type rawNumbers string

// offloading is what a configuration says of offload policies.
type offloading struct {
	byName    map[string]mobility.OffloadPolicy
	inOrder   []mobility.OffloadPolicy
	everybody mobility.OffloadPolicy // of mobile nodes whose profile names none
}

// offloading reads the policies of a configuration and which one is everybody's.
func (p *problems) offloading(raw rawPolicy) offloading {
	o := offloading{byName: map[string]mobility.OffloadPolicy{offloadNothing: mobility.OffloadNothing()}}
	p.few("policy.offload_policies", len(raw.OffloadPolicies), maximumOffloadPolicies)
	for i, r := range raw.OffloadPolicies {
		at := fmt.Sprintf("policy.offload_policies[%d]", i)
		switch _, twice := o.byName[r.Name]; {
		case !offloadName.MatchString(r.Name) || r.Name == noOffloadPolicy || r.Name == offloadNothing:
			p.add(at+".name", r.Name, `want a name of 1 to 64 letters, digits and ". _ -", and neither none nor nothing`)
		case twice:
			p.add(at+".name", r.Name, "stands twice: want a name of its own for each offload policy")
		}
		o.inOrder = append(o.inOrder, p.offloadPolicy(at, r))
		o.byName[r.Name] = o.inOrder[i]
	}
	o.everybody = p.offloadNamed("policy.offload_policy", raw.OffloadPolicy, o)
	return o
}

func (p *problems) offloadPolicy(at string, raw rawOffloadPolicy) mobility.OffloadPolicy {
	var mode mobility.OffloadMode
	if err := mode.UnmarshalText([]byte(raw.Offload)); err != nil {
		p.oneOf(at+".offload", raw.Offload, mobility.OffloadMatching.String(), mobility.OffloadOthers.String())
	}
	if len(raw.Selectors) == 0 {
		p.add(at+".selectors", "", "is missing: want at least one traffic selector; {} is one that matches all packets")
	}
	p.few(at+".selectors", len(raw.Selectors), mobility.MaximumTrafficSelectors)
	var selectors []mobility.TrafficSelector
	for i, s := range raw.Selectors {
		selectors = append(selectors, p.trafficSelector(fmt.Sprintf("%s.selectors[%d]", at, i), s))
	}
	policy, _ := mobility.NewOffloadPolicy(mode, selectors...) // what is wrong is listed already
	return policy
}

// translatable wants all that is to leave at a gateway that translates to be of protocols that can be translated.
func (p *problems) translatable(c *Magd, o offloading) {
	if !c.EnableIPv4TrafficOffloadSupport || c.OffloadNAT != "masquerade" {
		return
	}
	for i, policy := range o.inOrder {
		if policy.Mode != mobility.OffloadMatching { // in the other mode such a selector names what stays in the tunnel anyway
			continue
		}
		for j, s := range policy.Selectors.List() {
			if s.SPI.Set || !includes(s.Protocol, translated) {
				p.add(fmt.Sprintf("policy.offload_policies[%d].selectors[%d]", i, j), "", "matches nothing that leaves here: "+
					"with forwarding.offload_nat masquerade that is TCP, UDP, SCTP and ICMP only: want one of these, or offload_nat: none")
			}
		}
	}
}

// offloadNamed finds the policy that a key names; "" leaves it to everybody's.
func (p *problems) offloadNamed(key, name string, o offloading) mobility.OffloadPolicy {
	if name == "" {
		return o.everybody
	}
	policy, known := o.byName[name]
	if !known && name != noOffloadPolicy {
		p.add(key, name, "want the name of one of policy.offload_policies, none, or nothing")
	}
	return policy
}

// trafficSelector turns the words of a configuration into those of RFC 6088, which speaks of packets towards the mobile node.
func (p *problems) trafficSelector(at string, raw rawTrafficSelector) mobility.TrafficSelector {
	s := mobility.TrafficSelector{
		SourcePort:      p.numbers(at+".correspondent_ports", raw.CorrespondentPorts, 1<<16-1, nil),
		DestinationPort: p.numbers(at+".mobile_node_ports", raw.MobileNodePorts, 1<<16-1, nil),
		Protocol:        p.numbers(at+".protocol", raw.Protocol, 1<<8-1, protocols),
		DS:              p.numbers(at+".ds", raw.DS, 1<<8-1, nil),
		SPI:             p.numbers(at+".spi", raw.SPI, 1<<32-1, nil),
	}
	if raw.Correspondents != "" {
		if err := s.Source.UnmarshalText([]byte(raw.Correspondents)); err != nil {
			p.add(at+".correspondents", raw.Correspondents, "want an IPv4 network such as 192.0.2.0/24, without bits behind its length, an address, or a range such as 192.0.2.1-192.0.2.9")
		}
	}
	ports := s.SourcePort.Set || s.DestinationPort.Set
	switch {
	case ports && s.SPI.Set:
		p.add(at+".spi", string(raw.SPI), "never matches together with ports: want one of them only")
	case ports && !includes(s.Protocol, withPorts):
		p.add(at+".protocol", string(raw.Protocol), "has no ports, so that this selector never matches: want tcp, udp, sctp, or none said")
	case s.SPI.Set && !includes(s.Protocol, withSPI):
		p.add(at+".protocol", string(raw.Protocol), "has no SPI, so that this selector never matches: want esp, ah, or none said")
	}
	return s
}

// protocols are the names that stand for numbers of IANA's registry; any number may be written.
var protocols = map[string]uint32{"icmp": 1, "tcp": 6, "udp": 17, "esp": 50, "ah": 51, "sctp": 132}

// Protocols with ports (TCP, UDP, DCCP, SCTP, UDP-Lite), with an SPI, and those that leave where the source address is translated.
var (
	withPorts  = []uint32{6, 17, 33, 132, 136}
	withSPI    = []uint32{50, 51}
	translated = []uint32{1, 6, 17, 132}
)

// includes says whether one of the numbers is in a range.
func includes(r mobility.NumberRange, numbers []uint32) bool {
	if !r.Set {
		return true
	}
	for _, n := range numbers {
		if r.First <= n && n <= r.Last {
			return true
		}
	}
	return false
}

// numbers reads a number, a range or one of names; "" is all numbers.
func (p *problems) numbers(key string, raw rawNumbers, most uint32, names map[string]uint32) (r mobility.NumberRange) {
	if raw == "" {
		return r
	}
	if n, ok := names[strings.ToLower(string(raw))]; ok {
		return mobility.Numbers(n, n)
	}
	err := r.UnmarshalText([]byte(raw))
	if err != nil || r.Last > most {
		want := "want a number up to " + strconv.FormatUint(uint64(most), 10) + ", or a range such as 80-89"
		if names != nil {
			want = "want tcp, udp, icmp, sctp, esp, ah, " + strings.TrimPrefix(want, "want ")
		}
		p.add(key, string(raw), want)
		return mobility.NumberRange{}
	}
	return r
}
