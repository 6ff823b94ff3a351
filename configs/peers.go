package configs

import (
	"fmt"
	"net/netip"
	"slices"

	"netlmm/mobility"
	"netlmm/security"
)

// longestVICIName bounds the names of a connection and its child: VICI has one octet for their length.
const longestVICIName = 255

// local is this end of the control channel, by the family of its addresses; a zero address means that it has none.
type local struct {
	key, ipv4Key  string
	address, ipv4 netip.Addr
}

// of returns this end's address towards a peer, and its key.
func (l local) of(peer netip.Addr) (key string, address netip.Addr) {
	if peer.Is4() {
		return l.ipv4Key, l.ipv4
	}
	return l.key, l.address
}

// peerList is a list of peers in a configuration.
type peerList struct {
	key       string
	kind      PeerKind
	child     string                         // name of the CHILD_SA that netlmm loads, where an entry has none
	dialects  bool                           // whether peers may depart from the RFCs that netlmm follows with them
	initiates func(own, far netip.Addr) bool // whether this end brings the association up, where an entry does not say so
}

// A gateway calls its anchor. Of two that are alike the one with the lower address calls, so that not both do.
var (
	listOfAnchors  = peerList{"lmas", Anchor, "mh", true, func(_, _ netip.Addr) bool { return true }}
	listOfMAGs     = peerList{"mags", Gateway, "mh", true, func(_, _ netip.Addr) bool { return false }}
	listOfGateways = peerList{"gateways", Gateway, "mh", false, netip.Addr.Less}
	listOfOthers   = peerList{"security.peers", OtherPeer, "mih", false, netip.Addr.Less}
)

// atLeastOne refuses an end that has nobody to speak with.
func (p *problems) atLeastOne(key string, raws int) {
	if raws == 0 {
		p.add(key, "", "is missing: want at least one peer with its address")
	}
}

// peers reads a list. known are the peers of other lists.
func (p *problems) peers(list peerList, raws []rawPeer, local local, protected bool, known ...Peer) []Peer {
	var peers []Peer
	for i := range raws {
		raw, at := &raws[i], fmt.Sprintf("%s[%d]", list.key, i)
		raw.initiates(list, local)
		peer := p.peer(at, *raw, list, protected)
		localKey, address := local.of(peer.Address)
		peer.Local = address
		switch {
		case !peer.Address.IsValid():
		case !address.IsValid():
			p.add(at+".address", raw.Address, "is reached from "+localKey+", which is missing: want that key, or an address of the other family here")
		case peer.Address == address:
			p.add(at+".address", raw.Address, "is "+localKey+", this end's own: want the other end's address")
		}
		for _, other := range slices.Concat(known, peers) {
			p.peersDiffer(at, peer, other)
		}
		peers = append(peers, peer)
	}
	return peers
}

// peersDiffer checks what no two peers may share. A connection that netlmm loads replaces any other of its name.
func (p *problems) peersDiffer(at string, peer, other Peer) {
	if peer.Address.IsValid() && peer.Address == other.Address {
		p.add(at+".address", peer.Address.String(), "stands twice: keep one")
	} else if peer.Name == other.Name {
		p.add(at+".name", peer.Name, "stands twice: want a name of its own for each peer")
	}
	loaded := peer.ManagedBy == security.ByNetlmm || other.ManagedBy == security.ByNetlmm
	if peer.Connection != "" && peer.Connection == other.Connection && (loaded || peer.Child == other.Child) {
		p.add(at+".connection", peer.Connection, fmt.Sprintf("is the connection of %s already: want one for each peer", other.Name))
	}
}

// initiates says what this end does where the entry does not.
func (r *rawPeer) initiates(list peerList, local local) {
	if r.Initiate != nil {
		return
	}
	far, err := netip.ParseAddr(r.Address)
	_, own := local.of(far)
	standard := err == nil && list.initiates(own, far)
	r.Initiate = &standard
}

func (p *problems) peer(at string, raw rawPeer, list peerList, protected bool) Peer {
	peer := Peer{Name: raw.Name, Kind: list.kind, Peer: security.Peer{
		Address: p.transportAddress(at+".address", raw.Address), Identity: raw.Identity, ManagedBy: security.ManagedBy(raw.ManagedBy),
		Connection: raw.Connection, Child: raw.Child, Initiate: *raw.Initiate, Traffic: security.MobilityHeaders,
	}}
	p.oneOf(at+".compat", raw.Compat, "strict", "oai", "opmip")
	peer.Compat, _ = mobility.ParseCompat(raw.Compat) // judged by the line before
	if peer.Compat != mobility.CompatStrict && !list.dialects {
		p.add(at+".compat", raw.Compat, "has no effect here: take it away; it is for anchors in magd.yaml and gateways in lmad.yaml")
	}
	if list.kind == OtherPeer {
		peer.Traffic = security.MIH
	}
	if peer.Name == "" {
		peer.Name = raw.Address
	}
	if !protected {
		return peer
	}
	p.required(at+".identity", raw.Identity, "the IKE identity that this peer must prove, such as lma.example.net")
	p.oneOf(at+".managed_by", raw.ManagedBy, string(security.BySwanctl), string(security.ByNetlmm))
	switch peer.ManagedBy {
	case security.BySwanctl:
		p.noCredentials(at, raw)
	case security.ByNetlmm:
		peer.Credentials = p.credentials(at, raw)
		if peer.Connection == "" {
			peer.Connection = "netlmm-" + peer.Name
		}
		if peer.Child == "" {
			peer.Child = list.child
		}
	}
	p.notLonger(at+".connection", peer.Connection, longestVICIName)
	p.notLonger(at+".child", peer.Child, longestVICIName)
	return peer
}

// noCredentials refuses the keys of managed_by: netlmm where they would be ignored.
func (p *problems) noCredentials(at string, raw rawPeer) {
	for _, k := range []struct {
		key string
		set bool
	}{
		{"local_identity", raw.LocalIdentity != ""}, {"preshared_key_file", raw.PresharedKeyFile != ""},
		{"certificate_file", raw.CertificateFile != ""}, {"private_key_file", raw.PrivateKeyFile != ""},
		{"ca_certificate_file", raw.CACertificateFile != ""}, {"ike_proposals", raw.IKEProposals != nil}, {"esp_proposals", raw.ESPProposals != nil},
	} {
		if k.set {
			p.add(at+"."+k.key, "", "has no effect with managed_by: swanctl: write it in swanctl.conf and take it away here, or set managed_by: netlmm")
		}
	}
}

func (p *problems) credentials(at string, raw rawPeer) Credentials {
	c := Credentials{
		LocalIdentity: p.required(at+".local_identity", raw.LocalIdentity, "the IKE identity that this end proves, such as mag1.example.net"),
		IKEProposals:  p.proposals(at+".ike_proposals", raw.IKEProposals), ESPProposals: p.proposals(at+".esp_proposals", raw.ESPProposals),
	}
	switch {
	case raw.PresharedKeyFile != "" && (raw.CertificateFile != "" || raw.PrivateKeyFile != "" || raw.CACertificateFile != ""):
		p.add(at, "", "has both preshared_key_file and files of a certificate: want one way to authenticate")
	case raw.PresharedKeyFile != "":
		c.PresharedKeyFile = p.secretFile(at+".preshared_key_file", raw.PresharedKeyFile)
	case raw.CertificateFile != "":
		c.CertificateFile = p.plainFile(at+".certificate_file", raw.CertificateFile)
		c.PrivateKeyFile = p.secretFile(at+".private_key_file", raw.PrivateKeyFile)
		c.CACertificateFile = p.plainFile(at+".ca_certificate_file", raw.CACertificateFile)
	default:
		p.add(at, "", "managed_by is netlmm: want preshared_key_file, or certificate_file with private_key_file and ca_certificate_file")
	}
	return c
}

func (p *problems) proposals(key string, values []string) []string {
	if slices.Contains(values, "") {
		p.add(key, "", "has an empty proposal: want such as aes128-sha256-curve25519 or aes128gcm16")
	}
	return values
}
