package kernel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
)

// A policy is a chain, with a rule for each of its selectors, or two, and one for everything else. The comments of the rules are the
// policy, by which the next run reads it back.

const policyPrefix = "policy-"

// policyChain is the name of the chain with that number.
func policyChain(number uint32) string { return policyPrefix + strconv.FormatUint(uint64(number), 10) }

// policyRule is a rule with its comment.
type policyRule struct {
	comment string
	exprs   []expr.Any
}

// again begins the comment of the second rule of a selector.
const again = "as ESP, AH: "

// policyRules are the rules of the chain of p.
func policyRules(p mobility.OffloadPolicy) []policyRule {
	matching, others := goTo(chainLeave), expr.Any(accept)
	if p.Mode == mobility.OffloadOthers {
		matching, others = others, matching
	}
	var rules []policyRule
	for _, s := range p.Selectors.List() {
		text := s.String()
		for i, conditions := range matches(s) {
			if i > 0 {
				text = again + s.String()
			}
			rules = append(rules, policyRule{text, append(conditions, matching)})
		}
	}
	return append(rules, policyRule{"offload " + p.Mode.String(), []expr.Any{others}})
}

// withPorts are the protocols with a source and a destination port where those of TCP are.
var withPorts = []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_DCCP, unix.IPPROTO_SCTP, unix.IPPROTO_UDPLITE}

// Where the security parameters index stands (RFC 4303 section 2, RFC 4302 section 2).
var spiAt = [...]struct {
	protocol byte
	offset   uint32
}{{unix.IPPROTO_ESP, 0}, {unix.IPPROTO_AH, 4}}

// matches is what a packet from the mobile node fulfils that matches s (RFC 6088 section 3.1). One with an SPI is fulfilled in either of
// two ways.
func matches(s mobility.TrafficSelector) [][]expr.Any {
	conditions := slices.Concat(addresses(ipv4Destination, s.Source), addresses(ipv4Source, s.Destination))
	if s.Protocol.Set {
		conditions = slices.Concat(conditions, protocol(), between([]byte{byte(s.Protocol.First)}, []byte{byte(s.Protocol.Last)}))
	}
	if s.DS.Set {
		const ds = 0xfc
		conditions = slices.Concat(conditions, loaded(1, 1), bits([]byte{ds}), between([]byte{byte(s.DS.First) & ds}, []byte{byte(s.DS.Last) & ds}))
	}
	if s.SourcePort.Set || s.DestinationPort.Set {
		conditions = slices.Concat(conditions, ported(), ports(2, s.SourcePort), ports(0, s.DestinationPort))
	}
	if !s.SPI.Set {
		return [][]expr.Any{conditions}
	}
	var ways [][]expr.Any
	for _, at := range spiAt {
		ways = append(ways, slices.Concat(conditions, protocolIs(at.protocol), transport(at.offset, 4),
			between(binaryutil.BigEndian.PutUint32(s.SPI.First), binaryutil.BigEndian.PutUint32(s.SPI.Last))))
	}
	return ways
}

func addresses(at uint32, r mobility.AddressRange) []expr.Any {
	if r.IsZero() {
		return nil
	}
	return append(loaded(at, 4), between(r.First.AsSlice(), r.Last.AsSlice())...)
}

func ports(at uint32, r mobility.NumberRange) []expr.Any {
	if !r.Set {
		return nil
	}
	return append(transport(at, 2), between(binaryutil.BigEndian.PutUint16(uint16(r.First)), binaryutil.BigEndian.PutUint16(uint16(r.Last)))...)
}

// readPolicy is the policy of a chain with those comments. ok is false where there is none that would make them.
func readPolicy(comments []string) (p mobility.OffloadPolicy, ok bool) {
	var list []mobility.TrafficSelector
	for i, c := range comments {
		if i == len(comments)-1 || strings.HasPrefix(c, again) {
			continue
		}
		s, err := readSelector(c)
		if err != nil {
			return p, false
		}
		list = append(list, s)
	}
	for _, mode := range []mobility.OffloadMode{mobility.OffloadMatching, mobility.OffloadOthers} {
		var err error
		if p, err = mobility.NewOffloadPolicy(mode, list...); err != nil {
			return p, false
		}
		if slices.EqualFunc(policyRules(p), comments, func(r policyRule, c string) bool { return r.comment == c }) {
			return p, true
		}
	}
	return p, false
}

// readSelector reads what TrafficSelector.String writes.
func readSelector(text string) (s mobility.TrafficSelector, err error) {
	if text == (mobility.TrafficSelector{}).String() {
		return s, nil
	}
	words := strings.Fields(text)
	for i := 0; i+1 < len(words) && err == nil; i += 2 {
		value := []byte(words[i+1])
		switch words[i] {
		case "source":
			err = s.Source.UnmarshalText(value)
		case "destination":
			err = s.Destination.UnmarshalText(value)
		case "spi":
			err = s.SPI.UnmarshalText(value)
		case "source_port":
			err = s.SourcePort.UnmarshalText(value)
		case "destination_port":
			err = s.DestinationPort.UnmarshalText(value)
		case "ds":
			err = s.DS.UnmarshalText(value)
		case "protocol":
			err = s.Protocol.UnmarshalText(value)
		default:
			err = fmt.Errorf("%q is no part of a traffic selector", words[i])
		}
	}
	if err == nil && s.String() != text {
		err = fmt.Errorf("%q is no traffic selector", text)
	}
	return s, err
}
