// Package mihnode is a running MIH Function: its machine with the sockets, the link SAPs and the timer around it, as magd and mihd
// have it.
package mihnode

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"

	apadapters "netlmm/ap-adapters"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/pace"
	"netlmm/mih/transport"
	"netlmm/mih/wire"
	"netlmm/mobility/engine"

	"golang.org/x/time/rate"
)

// Names of the counters.
const (
	LinkEvents = "netlmm_mih_link_events_total" // delivered or ignored, by event or reason
	Messages   = "netlmm_mih_messages_total"    // what became of messages, by reason
	Sockets    = "netlmm_mih_transport_total"
	Adapters   = "netlmm_adapter_total"

	InformationCount = "netlmm_mih_information_total"
	DiscoveryCount   = "netlmm_mih_discovery_total"
)

// Help describes the counters.
var Help = map[string]string{
	LinkEvents: "Link events delivered to users or ignored, by event or reason.",
	Messages:   "MIH messages that were sent, or ignored, by what became of them.",
	Sockets:    "What the sockets of MIH messages did.",
	Adapters:   "What the access points' adapters did.",

	InformationCount: "What the information service answered and asked, and what became of entries of its network map.",
	DiscoveryCount:   "What the search for MIH Functions by DNS and DHCP came to.",
}

const (
	queue            = 16384 // events in front of the machine
	told             = 32768 // indications that wait for one peer: what happens in a large domain in the second after which a peer is given up
	indicationOctets = 256   // what most of them fit into; over TCP, where nothing is sent again, a whole picture waits in the transport
	commandQueue     = 256   // link commands that adapters have in hand or wait
)

// Config of a Node.
type Config struct {
	MIH          configs.MIH
	Capabilities wire.Capabilities // what the daemon itself has to say; the Node adds transports, and what the link SAPs are and can do
	Handlers     map[wire.MessageID]mihf.User
	Permits      func(from mih.MIHFID, command wire.MessageID) bool // which of the configured peers may send which commands; nil: all may
	Information  *Information                                       // nil: no information service
	MaximumLinks int
	Resolvers    string // the file that names the name servers; "": that of the system
	Log          *slog.Logger
	Counters     *daemon.Counters
	// User takes what is for the daemon's own users, in the machine's goroutine: it must not wait for the Node.
	User func(mihf.Action)
	// Interface is what an operator is told of where a station is; nil: what the link SAP called it.
	Interface func(source mih.MIHFID, name string) string
	// Identified is told who a peer is that was known by its address only, once requests reach it; nil: nobody asks.
	Identified func(peer configs.MIHPeer, id mih.MIHFID)
}

// Node is an MIH Function with everything around it.
type Node struct {
	cfg       Config
	log       *slog.Logger
	limited   *slog.Logger
	core      *mihf.MIHF
	engine    *engine.Engine[mihf.Event, mihf.Action]
	conn      *transport.Conn // nil: it speaks with nobody over the network
	outgoing  []transport.Outgoing
	received  []mihf.Event // of receive, which nobody calls twice at a time
	adapters  []apadapters.Adapter
	commands  chan command
	directory *directory
	questions questions
	abilities abilities
	heard     chan netip.AddrPort // where MIH Functions say that they are
	strangers *rate.Limiter
	watchers  *watchers
}

// bounds of the retransmission timeout: nothing but a campus lies between the peers, and a handover does not wait a second.
var bounds = pace.Bounds{Initial: defaultTimeout, Minimum: minimumTimeout}

// Open makes a Node, and opens its sockets.
func Open(cfg Config) (*Node, error) {
	cfg = cfg.withInformation()
	n := &Node{
		cfg: cfg, log: cfg.Log, limited: daemon.Limited(cfg.Log), commands: make(chan command, commandQueue),
		directory: newDirectory(cfg.MIH.Peers), questions: questions{waiting: map[uint64]chan mihf.Confirm{}}, strangers: rate.NewLimiter(strangersSecond, strangersBurst),
		heard: make(chan netip.AddrPort, maximumFound),
	}
	n.watchers = newWatchers()
	n.core = mihf.New(mihf.Config{
		MIHFID: cfg.MIH.MIHFID, MaximumLinks: cfg.MaximumLinks, MaximumLinksOfPeer: shareOf(cfg), Capabilities: cfg.Capabilities, Peers: peersOf(cfg.MIH), Handlers: cfg.Handlers, LinkSAP: true, Partial: true, Permits: n.permits(),
		MaximumSize: n.maximumSize, First: uint16(1 + rand.IntN(4095)), Incarnation: rand.Uint32(), Bounds: bounds, MaximumQueued: told,
	})
	n.engine = engine.New[mihf.Event, mihf.Action](n.core, queue, n.execute)
	n.engine.OnFlush(func() {
		n.flush()
		n.watchers.note(n.core.LinkRevision())
	})
	if len(cfg.MIH.Listen) == 0 {
		return n, nil
	}
	conn, err := transport.Open(transport.Config{
		Addresses: cfg.MIH.Listen, Port: cfg.MIH.Port, Admit: n.admit, QueueMessages: told, QueueOctets: told * indicationOctets, Groups: groupsOf(cfg.MIH.Discovery),
	})
	if err != nil {
		return nil, err
	}
	n.conn = conn
	cfg.Counters.Source(Sockets, func() map[string]uint64 { return byReason(conn.Status().Counters) })
	return n, nil
}

// byReason is what the sockets count, each with what it is about before it.
func byReason(c transport.Counters) map[string]uint64 {
	all := map[string]uint64{"kernel_dropped": c.KernelDrops}
	for what, counts := range map[string]map[string]uint64{
		"received_": c.Received, "sent_": c.Sent, "refused_": c.Refused, "receive_error_": c.ReceiveErrors, "send_error_": c.SendErrors,
		"dropped_": c.Dropped, "connection_": c.Connections,
	} {
		for reason, n := range counts {
			all[what+reason] = n
		}
	}
	return all
}

// permits says which peers may send commands: those of the configuration, if Config has nothing else to say. Who was found by DNS or DHCP is
// asked for information and told of events.
func (n *Node) permits() func(mih.MIHFID, wire.MessageID) bool {
	return func(from mih.MIHFID, command wire.MessageID) bool {
		return n.directory.configured(from) && (n.cfg.Permits == nil || n.cfg.Permits(from, command))
	}
}

// shareOf is how many of the links one peer may tell of.
func shareOf(cfg Config) int {
	return cmp.Or(cfg.MIH.MaximumLinksOfPeer, (cfg.MaximumLinks+1)/2)
}

// register registers with the peers of the configuration that want it; with those of which only the address is known when they have said
// who they are.
func (n *Node) register() {
	for _, p := range n.cfg.MIH.Peers {
		if p.Register && p.MIHFID != "" {
			n.Post(mihf.PeerChanged{Peer: peerOf(p, p.MIHFID)})
		}
	}
}

// peersOf are the peers whose identifier the configuration says.
func peersOf(m configs.MIH) (peers []mihf.Peer) {
	for _, p := range m.Peers {
		if p.MIHFID != "" {
			peers = append(peers, peerOf(p, p.MIHFID))
		}
	}
	return peers
}

func peerOf(p configs.MIHPeer, id mih.MIHFID) mihf.Peer {
	peer := mihf.Peer{MIHFID: id, Endpoint: endpointOf(p), Protected: p.Protected, Register: p.Register}
	if p.ODTONE {
		peer.Compat = mihf.ODTONE
	}
	return peer
}

func endpointOf(p configs.MIHPeer) mihf.Endpoint {
	e := mihf.Endpoint{Address: p.Address}
	if p.TCP {
		e.Transport = mihf.TCP
	}
	return e
}

// Close closes the sockets.
func (n *Node) Close() {
	if n.conn != nil {
		_ = n.conn.Close() // nothing is lost that is not sent again
	}
}

// Add makes an adapter one of the link SAPs. Call it before the tasks run.
func (n *Node) Add(adapter apadapters.Adapter) {
	n.adapters = append(n.adapters, adapter)
	n.cfg.Counters.Source(Adapters, func() map[string]uint64 {
		counts := map[string]uint64{}
		for name, count := range adapter.Status().Counters {
			counts[adapter.Name()+"_"+name] = count
		}
		return counts
	})
}

// AdapterStatus is what the adapters say of themselves.
func (n *Node) AdapterStatus() (list []apadapters.Status) {
	for _, a := range n.adapters {
		list = append(list, a.Status())
	}
	return list
}

// Tasks are the Node's jobs.
func (n *Node) Tasks() []daemon.Task {
	tasks := []daemon.Task{
		{Name: "MIH function", Run: n.run, Do: n.engine.Do},
		{Name: "link commands", Run: n.runCommands},
		{Name: "MIH peers", Run: n.introduce},
	}
	if n.cfg.Information != nil {
		tasks = append(tasks, daemon.Task{Name: "information service", Run: n.inform})
	}
	if n.cfg.MIH.Discovery.On() {
		tasks = append(tasks, daemon.Task{Name: "MIH discovery", Run: n.seek})
	}
	if n.conn != nil {
		tasks = append(tasks, daemon.Task{Name: "MIH sockets", Run: func(ctx context.Context) error { return n.conn.Run(ctx, n.receive) }})
	}
	for _, adapter := range n.adapters {
		tasks = append(tasks, daemon.Task{Name: "adapter " + adapter.Name(), Run: func(ctx context.Context) error { return adapter.Run(ctx, n.Emit) }})
	}
	return tasks
}

// run runs the machine, once what it says can leave: over TCP it says nothing twice.
func (n *Node) run(ctx context.Context) error {
	if n.conn != nil {
		select {
		case <-n.conn.Started():
		case <-ctx.Done(): // who waits for the machine is to be told that it ended
		}
	}
	n.register()
	return n.engine.Run(ctx)
}

// Emit is where adapters put link events; false tells them that one was lost.
func (n *Node) Emit(ind mih.Indication) bool {
	return n.engine.Post(mihf.SAPIndication{Indication: ind})
}

// Post gives the machine an event; when it is swamped the event is counted as lost, and false comes back.
func (n *Node) Post(e mihf.Event) bool {
	if n.engine.Post(e) {
		return true
	}
	n.cfg.Counters.Add(Messages, "queue_full")
	return false
}

// Send gives the machine an event that nobody would repeat. It must not be called from Config.User.
func (n *Node) Send(e mihf.Event) { _ = n.engine.Send(e) }

// Do lets f see the machine, in its goroutine.
func (n *Node) Do(ctx context.Context, f func(*mihf.MIHF)) error {
	return n.engine.Do(ctx, func() { f(n.core) })
}

// AssociationChanged tells the machine of a security association.
func (n *Node) AssociationChanged(peer netip.Addr, up bool) {
	n.Send(mihf.SecurityAssociationChanged{Address: peer, Up: up})
}

// receive takes what arrived together.
func (n *Node) receive(packets []transport.Packet) {
	for i := range packets {
		p := &packets[i]
		from := mihf.Endpoint{Address: unmapped(p.From), Transport: mihf.Transport(p.Protocol)}
		n.received = append(n.received, mihf.MessageReceived{From: from, Payload: p.Payload})
	}
	if err := n.engine.HandleBatch(n.received); err != nil {
		n.cfg.Counters.Add(Messages, "stopped")
	}
	clear(n.received)
	n.received = n.received[:0]
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }

// execute carries out one action, in the machine's goroutine.
func (n *Node) execute(action mihf.Action) {
	switch a := action.(type) {
	case mihf.SendMessage:
		n.outgoing = append(n.outgoing, transport.Outgoing{To: n.destination(a.To), Payload: a.Payload})
	case mihf.LinkCommand:
		n.command(a)
	case mihf.Ignored:
		n.ignored(a)
	case mihf.Announced:
		n.hears(a.From)
	case mihf.PeerCapable:
		n.abilities.learn(a.MIHFID, a.Capabilities)
	case mihf.PeerStateChanged:
		n.abilities.reached(a.MIHFID, a.State != mihf.PeerDown)
		n.log.Info("MIH peer", "mihf_id", a.MIHFID, "state", a.State)
		n.peerSpoke()
	case mihf.Deliver:
		n.cfg.Counters.Add(LinkEvents, a.Indication.Event.EventType().String())
		n.cfg.User(action)
	case mihf.Confirm:
		if !n.found(a) && !n.answered(a) && !n.informs(action) {
			n.cfg.User(action)
		}
	case mihf.RequestReceived:
		if !n.informs(action) {
			n.cfg.User(action)
		}
	default:
		n.cfg.User(action)
	}
}

func (n *Node) ignored(a mihf.Ignored) {
	if a.Indication.Event != nil {
		n.cfg.Counters.Add(LinkEvents, string(a.Reason))
		return
	}
	n.cfg.Counters.Add(Messages, string(a.Reason))
	n.limited.Debug("MIH message ignored", "reason", a.Reason, "from", a.From.Address, "error", a.Err)
}

// destination is where the socket sends to. An answer over TCP goes by the connection that the question came on, while that stands.
func (n *Node) destination(to mihf.Endpoint) transport.Destination {
	d := transport.Destination{Addr: to.Address, Protocol: transport.Protocol(to.Transport), Source: n.source(to.Address.Addr())}
	if listens, known := n.directory.listens(to.Address.Addr()); known && d.Protocol == transport.TCP && listens != to.Address {
		d.Dial = listens
	}
	return d
}

// source is which of the addresses here speaks with one there: within this host that of loopback, with others one that they reach.
func (n *Node) source(to netip.Addr) netip.Addr {
	for _, a := range n.cfg.MIH.Listen {
		if a.Is4() == to.Is4() && a.IsLoopback() == to.IsLoopback() {
			return a
		}
	}
	return netip.Addr{}
}

// flush sends what one batch of events had to say with as few system calls as it takes. What does not leave is like a message that was
// lost: over UDP the machine sends it again, over TCP the peer finds that its view of the links differs, or hears nothing.
func (n *Node) flush() {
	if len(n.outgoing) == 0 {
		return
	}
	if n.conn == nil {
		n.cfg.Counters.Add(Messages, "no_socket")
	} else {
		for i, err := range n.conn.SendBatch(n.outgoing) {
			if err != nil {
				n.notSent(n.outgoing[i].To, err)
			}
		}
	}
	clear(n.outgoing)
	n.outgoing = n.outgoing[:0]
}

func (n *Node) notSent(to transport.Destination, err error) {
	reason := "not_sent"
	var failed *transport.SendError
	if errors.As(err, &failed) {
		reason = "not_sent_" + string(failed.Reason)
	}
	n.cfg.Counters.Add(Messages, reason)
	n.limited.Warn("MIH message not sent; over UDP it is repeated while somebody waits for it, over TCP it is lost", "to", to.Addr, "error", err)
}

// maximumSize is how long a message to there may be without fragments.
func (n *Node) maximumSize(to mihf.Endpoint) int {
	if to.Transport == mihf.TCP || n.conn == nil {
		return wire.MaximumMessage
	}
	return n.conn.MaximumDatagram(n.destination(to))
}
