package lma

import (
	"net/netip"

	"netlmm/mobility"
	"netlmm/mobility/mh"
)

// assign chooses what a session gets of the IP versions that it has not got yet. One of them refused is the whole request
// refused: RFC 5844 section 3.1.2.2 knows no half acceptance. Nothing is taken yet.
func (l *LMA) assign(node *mobileNode, r *request, ipv6, ipv4 bool) (g grant, status mobility.Status) {
	if ipv6 {
		if g.prefixes, status = l.assignPrefixes(node, r); !status.Accepted() {
			return g, status
		}
	}
	if ipv4 {
		g.home, status = l.assignIPv4(node, r)
	}
	return g, status
}

// assignPrefixes chooses the prefixes of a session: those that the request names if this mobile node may have them (status
// 155 if not; RFC 5213 section 5.3.2, 3), and for all-zero ones what the profile says or the pools give (status 130 if they
// give none; 5.3.2, 1 and 2). The slice is good until the next request.
func (l *LMA) assignPrefixes(node *mobileNode, r *request) ([]netip.Prefix, mobility.Status) {
	if len(r.prefixes) > maximumPrefixesPerSession {
		return nil, mobility.StatusInsufficientResources
	}
	l.assigned = l.assigned[:0]
	for _, prefix := range r.prefixes {
		if mh.IsZeroPrefix(prefix) {
			continue
		}
		if !l.available(prefix) || !l.mayHave(r, prefix) {
			return nil, mobility.StatusNotAuthorizedForHomeNetworkPrefix
		}
		l.assigned = append(l.assigned, prefix)
	}
	named := len(l.assigned)
	if named == len(r.prefixes) {
		return l.assigned, mobility.StatusAccepted
	}
	for _, prefix := range r.profile.HomeNetworkPrefixes {
		if l.available(prefix) && l.authorizedFor(r, prefix) && len(l.assigned) < maximumPrefixesPerSession {
			l.assigned = append(l.assigned, prefix)
		}
	}
	if len(l.assigned) > named {
		return l.assigned, mobility.StatusAccepted
	}
	for range len(r.prefixes) - named {
		prefix, status := l.dynamicPrefix(node, r)
		if !status.Accepted() {
			return nil, status
		}
		l.assigned = append(l.assigned, prefix)
	}
	return l.assigned, mobility.StatusAccepted
}

// available says whether prefix has the length of this anchor's prefixes and no owner, and is none of those that the
// request at hand has got. With one length, two different prefixes never overlap.
func (l *LMA) available(prefix netip.Prefix) bool {
	return prefix.IsValid() && prefix.Bits() == l.cfg.PrefixLength && l.owner(prefix) == nil && !contains(l.assigned, prefix)
}

// mayHave says whether the anchor owns prefix for the mobile node, as a static one of its profile or as any of the pools,
// and the MAG may register it.
func (l *LMA) mayHave(r *request, prefix netip.Prefix) bool {
	return (contains(r.profile.HomeNetworkPrefixes, prefix) || l.pool.contains(prefix)) && l.authorizedFor(r, prefix)
}

// dynamicPrefix chooses a prefix from the pools: the one that the mobile node had last if it is still free.
func (l *LMA) dynamicPrefix(node *mobileNode, r *request) (netip.Prefix, mobility.Status) {
	if node != nil && node.past != nil {
		for _, prefix := range node.past.prefixes {
			if l.available(prefix) && l.pool.contains(prefix) && l.authorizedFor(r, prefix) {
				return prefix, mobility.StatusAccepted
			}
		}
	}
	refused := false // because this MAG may not register it
	prefix, ok := l.pool.choose(r.id, l.allowedTo(r, &refused), l.available)
	switch {
	case ok:
		return prefix, mobility.StatusAccepted
	case refused:
		return prefix, mobility.StatusNotAuthorizedForHomeNetworkPrefix
	}
	return prefix, mobility.StatusInsufficientResources
}

// allowedTo asks for networks whether the MAG may register all of them, and notes in refused that it may not one.
func (l *LMA) allowedTo(r *request, refused *bool) func(netip.Prefix) bool {
	return func(network netip.Prefix) bool {
		allowed := l.authorizedFor(r, network)
		*refused = *refused || !allowed
		return allowed
	}
}

// assignIPv4 chooses the IPv4 home address of a session (RFC 5844 section 3.1.2.2): the one that the request names if it is
// anchored here and this mobile node may have it, and for 0.0.0.0 what the profile says, what the mobile node had last or
// what the pools give.
func (l *LMA) assignIPv4(node *mobileNode, r *request) (netip.Prefix, mobility.Status) {
	if r.namesIPv4() {
		return l.namedIPv4(r)
	}
	static := r.profile.IPv4HomeAddress
	if static.IsValid() && l.availableIPv4(static) && l.authorizedFor(r, hostOf(static)) {
		home, _, _ := l.ipv4Pool.home(static)
		return home, mobility.StatusAccepted
	}
	if node != nil && node.past != nil && node.past.ipv4.IsValid() {
		last := netip.PrefixFrom(node.past.ipv4, 32)
		if l.ipv4Pool.inPool(last.Addr()) && l.availableIPv4(last) && l.authorizedFor(r, last) {
			home, _, _ := l.ipv4Pool.home(last)
			return home, mobility.StatusAccepted
		}
	}
	return l.dynamicIPv4(r)
}

func (l *LMA) namedIPv4(r *request) (netip.Prefix, mobility.Status) {
	refuse := func(status mh.IPv4HomeAddressStatus) (netip.Prefix, mobility.Status) {
		r.ipv4Status = status
		return netip.Prefix{}, mobility.StatusNotAuthorizedForIPv4HomeAddress
	}
	named, static := r.options.IPv4HomeAddressRequest, r.profile.IPv4HomeAddress
	isStatic := static.IsValid() && static.Addr() == named.Addr()
	if isStatic {
		named = static // with the length of its network
	}
	switch home, _, ok := l.ipv4Pool.home(named); {
	case !named.Addr().IsGlobalUnicast():
		return refuse(mh.IPv4HomeAddressInvalid)
	case !isStatic && !l.ipv4Pool.inPool(named.Addr()):
		return refuse(mh.IPv4HomeAddressIncorrect)
	case !ok, l.owner(hostOf(named)) != nil, !l.authorizedFor(r, hostOf(named)):
		return refuse(mh.IPv4HomeAddressAdministrativelyProhibited)
	default:
		return home, mobility.StatusAccepted
	}
}

// availableIPv4 says whether address is one that a mobile node can have and that has no owner.
func (l *LMA) availableIPv4(address netip.Prefix) bool {
	_, _, ok := l.ipv4Pool.home(address)
	return ok && l.owner(hostOf(address)) == nil
}

func (l *LMA) dynamicIPv4(r *request) (netip.Prefix, mobility.Status) {
	refused := false // because this MAG may not register it
	usable := func(a netip.Addr) bool { return l.availableIPv4(netip.PrefixFrom(a, 32)) }
	home, ok := l.ipv4Pool.choose(r.id, l.allowedTo(r, &refused), usable)
	switch {
	case ok:
		return home, mobility.StatusAccepted
	case refused:
		r.ipv4Status = mh.IPv4HomeAddressDynamicNotAvailable
		return home, mobility.StatusNotAuthorizedForIPv4HomeAddress
	}
	return home, mobility.StatusInsufficientResources
}
