package kernel

import (
	"net/netip"
	"strings"
	"sync"
	"testing"

	"netlmm/mobility"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/hold"
)

// handover is mn1 on its way from mag1 to mag2, with both its addresses, under a stream to each. Both gateways can hold packets.
type handover struct {
	*domain
	prefixes [2]netip.Prefix
	streams  []*stream

	hurried bool // the machine is too slow for the streams: the order says nothing

	mu      sync.Mutex
	reports map[string][]hold.Report // by gateway
}

func newHandover(t *testing.T) *handover {
	h := &handover{domain: newDualDomain(t), prefixes: [2]netip.Prefix{netip.MustParsePrefix(hnp1), netip.MustParsePrefix(mn1Home + "/32")}, reports: map[string][]hold.Report{}}
	h.start()
	for _, mag := range []*router{h.mag1, h.mag2} {
		h.holding(mag, "netlmm_magd_hold")
	}
	h.attachDual(h.mn1, hnp1, mn1Addr, mn1Home, "acc1", h.mag1, false)
	h.at(h.mag1, forwarding.NoTransfer, false)
	h.mn1.sh("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tomag1.rp_filter=0 net.ipv4.conf.tomag2.rp_filter=0")
	return h
}

// holding opens a Holder at mag for its reconciler.
func (h *handover) holding(mag *router, table string) *hold.Holder {
	h.t.Helper()
	cfg := hold.Config{Table: table, AccessInterfaces: mag.cfg.AccessInterfaces, Tunnels: Across(), Ended: func(r hold.Report) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.reports[mag.name] = append(h.reports[mag.name], r)
	}}
	var err error
	mag.run(func() { mag.holder, err = hold.Open(cfg) })
	if err != nil {
		h.t.Fatal(err)
	}
	holder := mag.holder
	h.t.Cleanup(func() { _ = holder.Close() })
	mag.rec.HoldWith(holder)
	return holder
}

// reported waits until a gateway has told the end of both prefixes.
func (h *handover) reported(mag *router) (all []hold.Report) {
	h.t.Helper()
	await(h.t, "reports of what was held", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		all = h.reports[mag.name]
		return len(all) == len(h.prefixes)
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.reports, mag.name)
	for _, r := range all {
		h.hurried = h.hurried || r.Hurried
	}
	return all
}

// at makes both entries of mn1 at mag what they are to be.
func (h *handover) at(mag *router, transfer forwarding.Transfer, held bool) {
	h.t.Helper()
	for _, p := range h.prefixes {
		e := forwarding.Entry{Prefix: p, Role: forwarding.Gateway, Local: mag.cfg.Local, Peer: h.lma.cfg.Local, Interface: "acc1", Transfer: transfer, Hold: held,
			MobileNodeLinkLayerID: mobility.LinkLayerID(h.mn1.mac("to" + strings.TrimPrefix(mag.name, h.domain.prefix)))}
		if transfer != forwarding.NoTransfer {
			e.OtherGateway = h.mag1.cfg.Local
			if mag == h.mag1 {
				e.OtherGateway = h.mag2.cfg.Local
			}
		}
		mag.state.Set(e)
	}
	mag.sync()
}

// gone removes both entries at mag.
func (h *handover) gone(mag *router) {
	h.t.Helper()
	for _, p := range h.prefixes {
		mag.state.Delete(p)
	}
	mag.sync()
}

// anchored makes the anchor send to mag.
func (h *handover) anchored(mag *router) {
	h.t.Helper()
	for _, p := range h.prefixes {
		h.lma.state.Set(forwarding.Entry{Prefix: p, Role: forwarding.Anchor, Local: h.lma.cfg.Local, Peer: mag.cfg.Local})
	}
	h.lma.sync()
}

// send begins the streams to both addresses.
func (h *handover) send() {
	h.t.Helper()
	h.streams = []*stream{newStream(h.cn, h.mn1, mn1Addr), newStream(h.cn, h.mn1, mn1Home)}
	h.flow(50, true)
}

func (h *handover) flow(n uint32, received bool) {
	h.t.Helper()
	for _, s := range h.streams {
		s.flow(n, received)
	}
}

// sent is how much of each stream is on its way.
func (h *handover) sent() (n []uint32) {
	for _, s := range h.streams {
		n = append(n, s.sent.Load())
	}
	return n
}

// complete ends the streams and expects that nothing was lost, came twice or was overtaken, but around a switch of paths: what was sent
// before begins and what was sent after ends keep the order among themselves. With each release the one packet that was on its way through
// the holder when the others began to pass it by may have been overtaken, on a busy machine.
func (h *handover) complete(begins, ends []uint32, releases int) {
	h.t.Helper()
	for i, s := range h.streams {
		numbers := s.stop(0)
		if lost, twice := count(numbers, s.sent.Load()); lost+twice > 0 {
			h.t.Errorf("%s: of %d packets %d are lost, %d came twice: %s", s.to, s.sent.Load(), lost, twice, missing(numbers, s.sent.Load()))
		}
		before := overtaken(numbers, func(n uint32) bool { return n <= begins[i] })
		after := overtaken(numbers, func(n uint32) bool { return n > ends[i] })
		if !h.hurried && (before > releases || after > 0) {
			h.t.Errorf("%s: of %d packets %d were overtaken before the anchor switched, %d after", s.to, s.sent.Load(), before, after)
		}
	}
}

// moves has the mobile node send from its interface to mag.
func (h *handover) moves(mag *router) {
	dev := "to" + strings.TrimPrefix(mag.name, h.domain.prefix)
	h.mn1.sh("ip -6 route replace default via " + magLL + " dev " + dev + "; ip route replace " + router4 + " dev " + dev + "; ip route replace default via " + router4 + " dev " + dev)
}

// uplink expects that what the mobile node sends arrives.
func (h *handover) uplink(stage string, six, four *listener) {
	h.t.Helper()
	six.only(stage+", IPv6", func() {}, func() { h.mn1.plain(mn1Addr, cnAddr, "good") })
	four.only(stage+", IPv4", func() {}, func() { h.mn1.plainIPv4(mn1Home, cn4, "good") })
}

// A prepared handover (RFC 5949 section 4.1) at 1000 packets/s to each address: no packet is lost, none comes twice, and the order is kept
// but where the anchor switches from the longer path to the shorter one. What the mobile node sends arrives in each stage.
func TestPreparedHandoverLosesNothing(t *testing.T) {
	h := newHandover(t)
	six, four := h.cn.listen(), h.cn.listenIPv4()
	h.send()
	h.uplink("at the previous gateway", six, four)
	h.at(h.mag2, forwarding.Arriving, true) // HI: the new gateway gets ready, and then the previous one forwards
	h.at(h.mag1, forwarding.Leaving, false)
	h.uplink("while it leaves", six, four)
	await(t, "packets held at the new gateway", func() bool { return h.mag2.holder.Counters().Packets >= 200 })
	h.moves(h.mag2)
	h.flow(50, false)
	h.at(h.mag2, forwarding.Arriving, false) // it is there
	reports := h.reported(h.mag2)
	for _, r := range reports {
		if !r.Released || r.Most < 90 || r.Out < r.Most || r.Dropped != 0 {
			t.Errorf("%+v", r)
		}
	}
	h.flow(50, true)
	h.uplink("before it is registered at the new gateway", six, four)
	h.at(h.mag2, forwarding.Arrived, false)
	begins := h.sent()
	h.anchored(h.mag2)
	h.flow(50, true)
	ends := h.sent()
	h.uplink("registered at the new gateway", six, four)
	h.gone(h.mag1)
	h.at(h.mag2, forwarding.NoTransfer, false)
	h.flow(50, true)
	h.uplink("in the end", six, four)
	h.complete(begins, ends, 1)
	if c := h.mag2.holder.Counters(); c.Packets != 0 || c.Octets != 0 || c.Prefixes != 0 || c.Released != uint64(reports[0].Out+reports[1].Out) {
		t.Errorf("%+v after %+v", c, reports)
	}
}

// Reactive mode (RFC 5949 section 4.2): the previous gateway keeps what comes when the link is down, and sends it to wherever the mobile node
// turns up, which may be where it was.
func TestPacketsAreKeptForWhereverTheMobileNodeTurnsUp(t *testing.T) {
	h := newHandover(t)
	h.send()
	h.at(h.mag1, forwarding.NoTransfer, true)
	h.flow(100, false)
	h.at(h.mag1, forwarding.NoTransfer, false)
	h.reported(h.mag1)
	h.flow(50, true)

	h.at(h.mag1, forwarding.NoTransfer, true)
	h.flow(100, false)
	h.moves(h.mag2)
	h.at(h.mag2, forwarding.Arrived, false)
	h.at(h.mag1, forwarding.Leaving, false)
	for _, r := range h.reported(h.mag1) {
		if !r.Released || r.Most < 50 || r.Dropped != 0 {
			t.Errorf("%+v", r)
		}
	}
	h.flow(50, true)
	begins := h.sent()
	h.anchored(h.mag2)
	h.flow(50, true)
	h.complete(begins, h.sent(), 2)
}
