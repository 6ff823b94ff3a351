package kernel

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Names in the packet filter. The table is ours alone.
const (
	offloadTableName = "netlmm_offload"
	offloadLinks     = "links"      // set of access links
	offloadHomes     = "homes"      // map from a home address with a policy to the mark of its flows
	offloadNumbers   = "numbers"    // map from the same to the number of the policy
	offloadPolicies  = "policies"   // map from that to its chain: Linux looks through all of those that lead to chains with each change
	offloadFlows     = "flows"      // set of home addresses with the mark of their flows
	offloadWithPorts = "with_ports" // set of protocols
	offloadControl   = "control"    // set of ports
	offloadPeers     = "peers"      // set of the other ends of tunnels over IPv4
	offloadNew       = "new_flows"  // set of addresses with how many flows each has
	offloadSeed      = "seed"       // set of one: of the marks
	offloadCounter   = "offloaded"
	offloadRefused   = "refused"

	chainTrack   = "track"
	chainOwn     = "own"
	chainChoose  = "choose"
	chainDepart  = "depart"
	chainLeave   = "leave"
	chainGuard   = "guard"
	chainArrive  = "arrive"
	chainOut     = "out"
	chainStay    = "stay"
	chainNAT     = "nat"
	chainPrivate = "private"

	chainMasquerade = "translate" // of which the one rule is offloadTable.masquerade
)

// Where the chains stand. Connection tracking puts fragments together at -400, so that their ports are seen, takes a packet for one of its
// flow at -200, and translates destinations, which is to say those of what comes back, at -100.
const (
	priorityJudge  = -450 // of the known senders: before fragments are put together, lest one station's come in between those of another
	priorityTrack  = -440
	priorityOwn    = -300
	priorityChoose = -150
	priorityGuard  = -10 // before the filters of others
	priorityNAT    = 100
	priorityLast   = 300 // after translation, and the IPsec policy that it may lead to
)

// offloading is what the table is to do.
type offloading struct {
	links      []string
	peers      []netip.Addr // over IPv4
	masquerade bool
	sit        netip.Addr // end of tunnels over IPv4
}

// String says what the rules do. Each rule carries it as a comment, by which it is recognized: it has to change with them.
func (o offloading) String() string {
	s := "offload, version 3"
	if o.masquerade {
		s += ", masquerade"
	}
	if o.sit.IsValid() {
		s += fmt.Sprintf(", tunnels of %s apart", o.sit)
	}
	return s
}

// fixedChain is a chain that stands whatever the policies are.
type fixedChain struct {
	name     string
	kind     nftables.ChainType // empty: others go on there
	hook     *nftables.ChainHook
	priority nftables.ChainPriority
	rules    [][]expr.Any
}

// Masqueraded flows have source ports from firstPort to lastPort, where no service of the router is: what begins at the other end is for that.
const (
	firstPort = 32768
	lastPort  = 60999
)

// masqueraded are the protocols of which a flow can be told from the router's own, and from that of another mobile node, when they
// have one address; others than these stay in the tunnel. By ESP, IPv6-in-IPv4 or Mobility Headers a mobile node could pass itself off as the router.
var masqueraded = []byte{unix.IPPROTO_ICMP, unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP}

// Ports of control traffic, to which nobody else than the router speaks with its address (RFC 6909 section 3.3): DHCP, IKE, RADIUS, CoA, MIH, and
// Mobility Headers over UDP (RFC 5844 section 8).
var controlPorts = []uint16{67, 68, 500, 4500, 1812, 1813, 3799, 4551, 5436}

// maximumFlows is how many flows of a mobile node leave here at most: they take the ports of the router's address, and their place in the one table
// of flows that there is. What would begin another is dropped. A TCP connection that dies silently is tracked for days, and whoever stays has
// many; more would make the count, which Linux goes through at new flows, a load of its own. Flows in the tunnel do not count: others begin
// some of them, who could keep a mobile node from beginning any, and they stay tracked when it leaves.
const maximumFlows = 4096

// status bits of include/uapi/linux/netfilter/nf_conntrack_common.h, and rt_nf key of nf_tables.h
const (
	statusConfirmed = 1 << 3 // all but the first packet of a flow
	statusSourceNAT = 1 << 4
	rtXFRM          = 4
)

// tunnelDevices begin the names of what leads into and out of tunnels.
var tunnelDevices = []string{seg6InIPv4, seg6OutIPv4, ip6tnlPrefix, sitPrefix}

func (o offloading) chains() []fixedChain {
	chains := []fixedChain{
		{name: chainLeave, rules: [][]expr.Any{bounded(), setPacketMark(markLeave)}},
		{name: chainDepart, rules: o.depart()},
		{name: chainArrive, rules: comeBack()},
		{name: chainStay, rules: stay()},
		{name: chainOut, rules: o.out()},
		{name: chainTrack, hook: nftables.ChainHookPrerouting, priority: priorityTrack, rules: o.track()},
		{name: chainGuard, hook: nftables.ChainHookForward, priority: priorityGuard, rules: o.guard()},
	}
	if o.sit.IsValid() {
		chains = append(chains, fixedChain{name: chainOwn, hook: nftables.ChainHookOutput, priority: priorityOwn, rules: o.tunnelled(ipv4Source)})
	}
	if o.masquerade {
		chains = append(chains,
			fixedChain{name: chainPrivate, hook: nftables.ChainHookPostrouting, priority: priorityLast, rules: private()},
			fixedChain{name: chainNAT, kind: nftables.ChainTypeNAT, hook: nftables.ChainHookPostrouting, priority: priorityNAT, rules: translate()})
	}
	return append(chains, fixedChain{name: chainChoose, hook: nftables.ChainHookPrerouting, priority: priorityChoose, rules: choose()})
}

// track exempts from connection tracking what has to do neither with offloaded flows nor with those in the tunnel of a mobile node that has some.
func (o offloading) track() [][]expr.Any {
	var rules [][]expr.Any
	if o.sit.IsValid() {
		rules = o.tunnelled(ipv4Destination)
	}
	rules = append(rules,
		append(device(expr.MetaKeyIIFNAME, seg6OutIPv4), untrack...),                                           // on its way into the tunnel, once more
		slices.Concat(onLinks(expr.MetaKeyIIFNAME), loaded(ipv4Destination, 4), is(limitedBroadcast), untrack), // whose sources nobody judges
		append(onLinks(expr.MetaKeyIIFNAME), append(home(ipv4Source), accept)...),
		append(onLinks(expr.MetaKeyIIFNAME), append(home(ipv4Destination), accept)...),
		append(onLinks(expr.MetaKeyIIFNAME), untrack...))
	for _, name := range tunnelDevices {
		rules = append(rules,
			append(device(expr.MetaKeyIIFNAME, name), append(home(ipv4Destination), accept)...),
			append(device(expr.MetaKeyIIFNAME, name), untrack...))
	}
	return rules
}

// tunnelled exempts the outer packets of tunnels over IPv4.
func (o offloading) tunnelled(address uint32) (rules [][]expr.Any) {
	for _, p := range []byte{protocolIPv6, protocolIPv4} {
		rules = append(rules, slices.Concat(loaded(address, 4), is(o.sit.AsSlice()), protocolIs(p), untrack))
	}
	return rules
}

var untrack = []expr.Any{&expr.Notrack{}, accept}

// choose marks the packets of offloaded flows before they are looked up. What comes back is known by the mark of its flow.
func choose() [][]expr.Any {
	rules := [][]expr.Any{append(onLinks(expr.MetaKeyIIFNAME), goTo(chainDepart))}
	for _, name := range tunnelDevices {
		rules = append(rules, append(device(expr.MetaKeyIIFNAME, name), accept))
	}
	return append(rules, slices.Concat(direction(1), flow(), isNot(native32(0)), isNot(native32(flowStays)), setPacketMark(markArrive)))
}

// bounded drops what would begin one flow too many of a mobile node. It counts no flow twice: only the first packet is looked at.
func bounded() []expr.Any {
	return slices.Concat(status(statusConfirmed), is(native32(0)), loaded(ipv4Source, 4), []expr.Any{
		&expr.Dynset{SrcRegKey: register, SetName: offloadNew, Operation: unix.NFT_DYNSET_OP_ADD, Exprs: []expr.Any{&expr.Connlimit{Count: maximumFlows, Flags: expr.NFT_CONNLIMIT_F_INV}}},
		&expr.Objref{Type: 1, Name: offloadRefused}, drop})
}

// depart is what comes from access links.
func (o offloading) depart() [][]expr.Any {
	rules := [][]expr.Any{
		setPacketMark(0),
		slices.Concat(state(expr.CtStateBitUNTRACKED), []expr.Any{accept}),
		slices.Concat(direction(1), []expr.Any{accept}), // answers what came through the tunnel
		slices.Concat(ownFlow(ipv4Source), []expr.Any{goTo(chainLeave)}),
		slices.Concat(flow(), is(native32(flowStays)), []expr.Any{accept}),
	}
	rules = append(rules, []expr.Any{&expr.Fib{Register: register, ResultOIFNAME: true, FlagDADDR: true},
		&expr.Lookup{SourceRegister: register, SetName: offloadLinks}, accept}) // to another mobile node
	// RFC 6909 section 3.3: control traffic is not subject to offload, nor what does not go beyond the link.
	for _, p := range []string{"169.254.0.0/16", "224.0.0.0/3"} { // from multicast on
		p := netip.MustParsePrefix(p)
		mask := binaryutil.BigEndian.PutUint32(^uint32(0) << (32 - p.Bits()))
		rules = append(rules, slices.Concat(loaded(ipv4Destination, 4), bits(mask), is(p.Addr().AsSlice()), []expr.Any{accept}))
	}
	rules = append(rules,
		slices.Concat(loaded(ipv4Destination, 4), lookUp(offloadPeers), []expr.Any{accept}),
		slices.Concat(ported(), transport(2, 2), lookUp(offloadControl), []expr.Any{accept}))
	for _, p := range []byte{unix.IPPROTO_IGMP, unix.IPPROTO_MH} {
		rules = append(rules, append(protocolIs(p), accept))
	}
	if o.masquerade {
		var others []expr.Any
		for _, p := range masqueraded {
			others = append(others, isNot([]byte{p})...)
		}
		rules = append(rules, slices.Concat(protocol(), others, []expr.Any{accept}))
	}
	// The number of the policy takes the place of the priority for a moment: nft(8) cannot read a look-up by what another one found, and the
	// priority of a packet follows from its DS octet when it is forwarded.
	priority := &expr.Meta{Key: expr.MetaKeyPRIORITY, Register: register}
	setPriority := &expr.Meta{Key: expr.MetaKeyPRIORITY, Register: register, SourceRegister: true}
	return append(rules,
		append(loaded(ipv4Source, 4), &expr.Lookup{SourceRegister: register, DestRegister: register, IsDestRegSet: true, SetName: offloadNumbers}, setPriority),
		[]expr.Any{priority, &expr.Lookup{SourceRegister: register, IsDestRegSet: true, SetName: offloadPolicies}},
		[]expr.Any{&expr.Immediate{Register: register, Data: native32(0)}, setPriority})
}

// guard stands where the way of a packet is known.
func (o offloading) guard() [][]expr.Any {
	rules := [][]expr.Any{
		slices.Concat(packetMark(), is(native32(markArrive)), []expr.Any{goTo(chainArrive)}),
		append(onLinks(expr.MetaKeyIIFNAME), goTo(chainOut)),
	}
	for _, name := range tunnelDevices {
		rules = append(rules, append(device(expr.MetaKeyIIFNAME, name), accept))
	}
	return append(rules,
		append(device(expr.MetaKeyOIFNAME, seg6OutIPv4), accept), // out of the tunnel, by way of the uplink
		append(home(ipv4Source), &expr.Counter{}, drop),          // a flow begun by somebody else would stay untranslated
		append(home(ipv4Destination), &expr.Counter{}, drop))     // nobody asked for it
}

// comeBack lets pass what belongs to a flow of who has the home address now.
func comeBack() [][]expr.Any {
	return [][]expr.Any{
		slices.Concat(onLinks(expr.MetaKeyOIFNAME), ownFlow(ipv4Destination), []expr.Any{counted, accept}),
		{&expr.Counter{}, drop},
	}
}

// out notes of a flow where it goes.
func (o offloading) out() [][]expr.Any {
	var rules [][]expr.Any
	for _, name := range tunnelDevices {
		rules = append(rules, append(device(expr.MetaKeyOIFNAME, name), goTo(chainStay)))
	}
	return append(rules,
		append(onLinks(expr.MetaKeyOIFNAME), goTo(chainStay)),
		slices.Concat(packetMark(), is(native32(0)), []expr.Any{goTo(chainStay)}),
		slices.Concat(state(expr.CtStateBitINVALID), []expr.Any{&expr.Counter{}, drop}), // it could not be translated
		slices.Concat(loaded(ipv4Source, 4), flowAt(register+1), []expr.Any{
			&expr.Lookup{SourceRegister: register, SetName: offloadFlows, Invert: true},
			&expr.Lookup{SourceRegister: register, DestRegister: register, IsDestRegSet: true, SetName: offloadHomes},
			&expr.Ct{Key: expr.CtKeyMARK, Register: register, SourceRegister: true}}),
		[]expr.Any{counted, accept})
}

// stay is what goes through the tunnel, or to another mobile node here. A translated packet would have the wrong source there.
func stay() [][]expr.Any {
	return [][]expr.Any{
		slices.Concat(flow(), isNot(native32(0)), isNot(native32(flowStays)), status(statusSourceNAT), isNot(native32(0)), []expr.Any{&expr.Counter{}, drop}),
		slices.Concat(flow(), is(native32(0)), []expr.Any{
			&expr.Ct{Key: expr.CtKeyMARK, Register: register},
			&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: native32(^uint32(flowMask)), Xor: native32(flowStays)},
			&expr.Ct{Key: expr.CtKeyMARK, Register: register, SourceRegister: true}}),
	}
}

// translate gives offloaded flows the router's address.
func translate() [][]expr.Any {
	return [][]expr.Any{append(ownFlow(ipv4Source), goTo(chainMasquerade))}
}

// private drops what would leave under an IPsec policy of the router, whose other end would take it for the router's.
func private() [][]expr.Any {
	return [][]expr.Any{slices.Concat(packetMark(), is(native32(markLeave)),
		[]expr.Any{&expr.Rt{Key: rtXFRM, Register: register}}, is([]byte{1}), []expr.Any{&expr.Counter{}, drop})}
}
