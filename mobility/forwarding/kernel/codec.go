package kernel

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// seg6ModeEncapRed is SEG6_IPTUN_MODE_ENCAP_RED, which the library does not name.
const seg6ModeEncapRed = 3

// Next headers: of a tunnelled IPv4 or IPv6 packet, and of ICMPv6.
const (
	protocolIPv4   = 4
	protocolIPv6   = 41
	protocolICMPv6 = 58
)

var routeTypes = [...]uint8{
	unicast: unix.RTN_UNICAST, local: unix.RTN_LOCAL, blackhole: unix.RTN_BLACKHOLE, unreachable: unix.RTN_UNREACHABLE, throw: unix.RTN_THROW,
}

func familyOf(ipv4 bool) uint8 {
	if ipv4 {
		return familyV4
	}
	return familyV6
}

// encodeRoute makes the message for r, whose interface has that index.
func (c *conn) encodeRoute(r route, index uint32, remove bool) (*nl.NetlinkRequest, error) {
	req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_REPLACE|unix.NLM_F_ACK)
	if remove {
		req = nl.NewNetlinkRequest(unix.RTM_DELROUTE, unix.NLM_F_ACK)
	}
	msg := nl.NewRtMsg()
	msg.Family, msg.Protocol, msg.Type = familyOf(r.dst.Addr().Is4()), c.protocol, routeTypes[r.kind]
	msg.Scope, msg.Table = unix.RT_SCOPE_UNIVERSE, unix.RT_TABLE_UNSPEC
	switch {
	case msg.Family == familyV6:
	case remove:
		msg.Scope, msg.Type = unix.RT_SCOPE_NOWHERE, unix.RTN_UNSPEC // whatever they are
	case r.kind == unicast && !r.via.IsValid() && r.encap == noEncap:
		msg.Scope = unix.RT_SCOPE_LINK
	}
	msg.Dst_len = uint8(r.dst.Bits())
	req.AddData(msg)
	if r.dst.Bits() > 0 {
		req.AddData(nl.NewRtAttr(unix.RTA_DST, r.dst.Addr().AsSlice()))
	}
	if r.src.IsValid() {
		msg.Src_len = uint8(r.src.Bits())
		req.AddData(nl.NewRtAttr(unix.RTA_SRC, r.src.Addr().AsSlice()))
	}
	req.AddData(nl.NewRtAttr(unix.RTA_TABLE, nl.Uint32Attr(uint32(r.table))))
	req.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(r.metric)))
	if remove { // table, prefixes, metric and protocol name it; its device may be gone already
		return req, nil
	}
	switch {
	case r.via.IsValid() && msg.Family == familyV4:
		req.AddData(nl.NewRtAttr(unix.RTA_VIA, append(nl.Uint16Attr(familyV6), r.via.AsSlice()...)))
	case r.via.IsValid():
		req.AddData(nl.NewRtAttr(unix.RTA_GATEWAY, r.via.AsSlice()))
	}
	if r.hop != 0 {
		req.AddData(nl.NewRtAttr(attributeHop, nl.Uint32Attr(r.hop)))
	}
	if index != 0 {
		req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(index)))
	}
	return req, addEncap(req, r)
}

func addEncap(req *nl.NetlinkRequest, r route) error {
	nested := nl.NewRtAttr(unix.RTA_ENCAP|unix.NLA_F_NESTED, nil)
	switch r.encap {
	case seg6Red:
		var err error
		if nested, err = nestedSEG6(unix.RTA_ENCAP, r.segment); err != nil {
			return err
		}
		req.AddData(nl.NewRtAttr(unix.RTA_ENCAP_TYPE, nl.Uint16Attr(nl.LWTUNNEL_ENCAP_SEG6)))
	case endDT6:
		nested.AddRtAttr(nl.SEG6_LOCAL_ACTION, nl.Uint32Attr(nl.SEG6_LOCAL_ACTION_END_DT6))
		nested.AddRtAttr(nl.SEG6_LOCAL_TABLE, nl.Uint32Attr(uint32(r.decapTable)))
		req.AddData(nl.NewRtAttr(unix.RTA_ENCAP_TYPE, nl.Uint16Attr(nl.LWTUNNEL_ENCAP_SEG6_LOCAL)))
	case endDX4:
		nested.AddRtAttr(nl.SEG6_LOCAL_ACTION, nl.Uint32Attr(nl.SEG6_LOCAL_ACTION_END_DX4))
		nested.AddRtAttr(nl.SEG6_LOCAL_NH4, r.segment.AsSlice())
		req.AddData(nl.NewRtAttr(unix.RTA_ENCAP_TYPE, nl.Uint16Attr(nl.LWTUNNEL_ENCAP_SEG6_LOCAL)))
	default:
		return nil
	}
	req.AddData(nested)
	return nil
}

// nestedSEG6 is the attribute that makes packets to segment of others.
func nestedSEG6(attribute int, segment netip.Addr) (*nl.RtAttr, error) {
	srh, err := nl.EncodeSEG6Encap(seg6ModeEncapRed, []net.IP{segment.AsSlice()})
	nested := nl.NewRtAttr(attribute|unix.NLA_F_NESTED, nil)
	nested.AddRtAttr(nl.SEG6_IPTUNNEL_SRH, srh)
	return nested, err
}

func encodeRule(r rule, remove bool) *nl.NetlinkRequest {
	req := nl.NewNetlinkRequest(unix.RTM_NEWRULE, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	if remove {
		req = nl.NewNetlinkRequest(unix.RTM_DELRULE, unix.NLM_F_ACK)
	}
	msg := nl.NewRtMsg() // struct fib_rule_hdr has the same shape
	msg.Family, msg.Protocol, msg.Scope = familyOf(r.ipv4), 0, 0
	msg.Table, msg.Type = unix.RT_TABLE_UNSPEC, nl.FR_ACT_TO_TBL
	switch {
	case r.jump != 0:
		msg.Type = nl.FR_ACT_GOTO
	case r.table == 0:
		msg.Type = nl.FR_ACT_BLACKHOLE
	}
	req.AddData(msg)
	if r.from.IsValid() {
		msg.Src_len = uint8(r.from.Bits())
		req.AddData(nl.NewRtAttr(nl.FRA_SRC, r.from.Addr().AsSlice()))
	}
	if r.to.IsValid() {
		msg.Dst_len = uint8(r.to.Bits())
		req.AddData(nl.NewRtAttr(nl.FRA_DST, r.to.Addr().AsSlice()))
	}
	req.AddData(nl.NewRtAttr(nl.FRA_PRIORITY, nl.Uint32Attr(uint32(r.priority))))
	req.AddData(nl.NewRtAttr(nl.FRA_PROTOCOL, nl.Uint8Attr(r.protocol)))
	if r.jump != 0 {
		req.AddData(nl.NewRtAttr(nl.FRA_GOTO, nl.Uint32Attr(uint32(r.jump))))
	}
	if r.table != 0 {
		req.AddData(nl.NewRtAttr(nl.FRA_TABLE, nl.Uint32Attr(uint32(r.table))))
	}
	if r.specific {
		req.AddData(nl.NewRtAttr(nl.FRA_SUPPRESS_PREFIXLEN, nl.Uint32Attr(0)))
	}
	if r.iif != "" {
		req.AddData(nl.NewRtAttr(nl.FRA_IIFNAME, nl.ZeroTerminated(r.iif)))
	}
	if r.mark != 0 {
		req.AddData(nl.NewRtAttr(nl.FRA_FWMARK, nl.Uint32Attr(r.mark)))
		req.AddData(nl.NewRtAttr(nl.FRA_FWMASK, nl.Uint32Attr(markMask)))
	}
	if r.ipproto != 0 {
		req.AddData(nl.NewRtAttr(nl.FRA_IP_PROTO, nl.Uint8Attr(r.ipproto)))
	}
	return req
}

// decodeRule reads one rule; a selector that this package does not use is lost.
func decodeRule(b []byte) (rule, error) {
	msg := nl.DeserializeRtMsg(b)
	attrs, err := nl.ParseRouteAttr(b[msg.Len():])
	if err != nil {
		return rule{}, err
	}
	r := rule{ipv4: msg.Family == familyV4}
	for _, a := range attrs {
		switch a.Attr.Type {
		case nl.FRA_SRC:
			r.from = prefixOf(a.Value, msg.Src_len)
		case nl.FRA_DST:
			r.to = prefixOf(a.Value, msg.Dst_len)
		case nl.FRA_PRIORITY:
			r.priority = int(nl.NativeEndian().Uint32(a.Value))
		case nl.FRA_GOTO:
			r.jump = int(nl.NativeEndian().Uint32(a.Value))
		case nl.FRA_TABLE:
			r.table = int(nl.NativeEndian().Uint32(a.Value))
		case nl.FRA_SUPPRESS_PREFIXLEN:
			r.specific = nl.NativeEndian().Uint32(a.Value) == 0 // all ones where there is none
		case nl.FRA_IIFNAME:
			r.iif = unix.ByteSliceToString(a.Value)
		case nl.FRA_FWMARK:
			r.mark = nl.NativeEndian().Uint32(a.Value)
		case nl.FRA_IP_PROTO:
			r.ipproto = a.Value[0]
		case nl.FRA_PROTOCOL:
			r.protocol = a.Value[0]
		}
	}
	return r, nil
}

// decodeRoute reads one route; ok is false when it is not of protocol. nameOf turns an interface index into a name.
func decodeRoute(b []byte, protocol uint8, nameOf func(uint32) string) (r route, ok bool, err error) {
	msg := nl.DeserializeRtMsg(b)
	if msg.Protocol != protocol {
		return route{}, false, nil
	}
	attrs, err := nl.ParseRouteAttr(b[msg.Len():])
	if err != nil {
		return route{}, false, err
	}
	r = route{table: int(msg.Table), dst: everywhere}
	if msg.Family == familyV4 {
		r.dst = everywhereIPv4
	}
	for kind, t := range routeTypes {
		if t == msg.Type {
			r.kind = routeKind(kind)
		}
	}
	var encapType uint16
	var encap []byte
	for _, a := range attrs {
		switch a.Attr.Type &^ unix.NLA_F_NESTED {
		case unix.RTA_DST:
			r.dst = prefixOf(a.Value, msg.Dst_len)
		case unix.RTA_SRC:
			r.src = prefixOf(a.Value, msg.Src_len)
		case unix.RTA_TABLE:
			r.table = int(nl.NativeEndian().Uint32(a.Value))
		case unix.RTA_PRIORITY:
			r.metric = nl.NativeEndian().Uint32(a.Value)
		case unix.RTA_GATEWAY:
			r.via, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_VIA:
			if len(a.Value) > 2 {
				r.via, _ = netip.AddrFromSlice(a.Value[2:])
			}
		case unix.RTA_OIF:
			r.dev = nameOf(nl.NativeEndian().Uint32(a.Value))
		case unix.RTA_ENCAP_TYPE:
			encapType = nl.NativeEndian().Uint16(a.Value)
		case unix.RTA_ENCAP:
			encap = a.Value
		case attributeHop:
			r.hop = nl.NativeEndian().Uint32(a.Value)
		}
	}
	if r.hop != 0 { // which the kernel spells out as well
		r.dev, r.via, encapType = "", netip.Addr{}, 0
	}
	if r.kind != unicast && r.kind != local {
		r.dev = "" // the kernel shows lo for a route that leads nowhere
	}
	return r, true, decodeEncap(&r, encapType, encap)
}

func decodeEncap(r *route, encapType uint16, b []byte) error {
	if encapType == 0 {
		return nil
	}
	attrs, err := nl.ParseRouteAttrAsMap(b)
	if err != nil {
		return err
	}
	r.encap = foreign
	switch encapType {
	case nl.LWTUNNEL_ENCAP_SEG6:
		v := attrs[nl.SEG6_IPTUNNEL_SRH].Value
		if len(v) < 12 {
			return nil
		}
		if mode, segments, err := nl.DecodeSEG6Encap(v); err == nil && mode == seg6ModeEncapRed && len(segments) == 1 {
			r.encap = seg6Red
			r.segment, _ = netip.AddrFromSlice(segments[0])
		}
	case nl.LWTUNNEL_ENCAP_SEG6_LOCAL:
		action, table := attrs[nl.SEG6_LOCAL_ACTION].Value, attrs[nl.SEG6_LOCAL_TABLE].Value
		if len(action) == 4 && len(table) == 4 && nl.NativeEndian().Uint32(action) == nl.SEG6_LOCAL_ACTION_END_DT6 {
			r.encap, r.decapTable = endDT6, int(nl.NativeEndian().Uint32(table))
		}
		next := attrs[nl.SEG6_LOCAL_NH4].Value
		if len(action) == 4 && len(next) == 4 && nl.NativeEndian().Uint32(action) == nl.SEG6_LOCAL_ACTION_END_DX4 {
			r.encap = endDX4
			r.segment, _ = netip.AddrFromSlice(next)
		}
	}
	return nil
}

func prefixOf(b []byte, bits uint8) netip.Prefix {
	addr, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(addr, int(bits))
}
