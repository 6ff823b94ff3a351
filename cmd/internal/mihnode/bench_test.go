package mihnode

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	apadapters "netlmm/ap-adapters"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/internal/netnstest"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/transport"
)

// Addresses of the namespace's loopback interface, which are none of loopback.
var (
	mag6 = netip.MustParseAddr("2001:db8:f0::1")
	ap6  = netip.MustParseAddr("2001:db8:f0::21")
	mag4 = netip.MustParseAddr("198.51.100.1")
	ap4  = netip.MustParseAddr("198.51.100.21")
)

func TestMain(m *testing.M) {
	netnstest.Main(m, func() error {
		return netnstest.Commands(
			"ip link set lo up mtu 1500", // long messages go in fragments
			"ip -6 addr add 2001:db8:f0::1/128 dev lo nodad", "ip -6 addr add 2001:db8:f0::21/128 dev lo nodad",
			"ip link add link0 type veth peer name link1", "ip link set link0 up", "ip link set link1 up", // for multicast groups
			"ip addr add 198.51.100.1/32 dev lo", "ip addr add 198.51.100.21/32 dev lo",
		)
	})
}

const atMost = 30 * time.Second

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(atMost); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never comes to this: %s", what)
		}
	}
}

// bench is a running Node with what it told its users.
type bench struct {
	*Node
	t    *testing.T
	stop func()

	mu        sync.Mutex
	delivered []mih.Indication
	confirmed []mihf.EventSubscribeConfirm
	others    []mihf.Action
	names     map[string]mih.MIHFID
}

// peer is an entry of a configuration.
func peer(name string, a netip.Addr, change ...func(*configs.MIHPeer)) configs.MIHPeer {
	p := configs.MIHPeer{Name: name, MIHFID: mih.MIHFID(name), Address: netip.AddrPortFrom(a, transport.Port)}
	for _, c := range change {
		c(&p)
	}
	return p
}

func overTCP(p *configs.MIHPeer)     { p.TCP = true }
func unnamed(p *configs.MIHPeer)     { p.MIHFID = "" }
func protectedly(p *configs.MIHPeer) { p.Protected = true }

// run runs a Node until the test ends, or stop is called.
func run(t *testing.T, name string, at netip.Addr, peers []configs.MIHPeer, adapters ...apadapters.Adapter) *bench {
	t.Helper()
	return runAs(t, name, at, peers, func(*Config) {}, adapters...)
}

func runAs(t *testing.T, name string, at netip.Addr, peers []configs.MIHPeer, change func(*Config), adapters ...apadapters.Adapter) *bench {
	t.Helper()
	b := &bench{t: t, names: map[string]mih.MIHFID{}}
	cfg := configFor(b, name, at, peers, change)
	var err error
	if b.Node, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	for _, a := range adapters {
		b.Add(a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var tasks sync.WaitGroup
	for _, task := range b.Tasks() {
		tasks.Go(func() {
			if err := task.Run(ctx); err != nil && ctx.Err() == nil {
				t.Errorf("%s: %v", task.Name, err)
			}
		})
	}
	b.stop = sync.OnceFunc(func() {
		cancel()
		tasks.Wait()
		b.Close()
	})
	t.Cleanup(b.stop)
	return b
}

// configFor is that of a Node whose users b is.
func configFor(b *bench, name string, at netip.Addr, peers []configs.MIHPeer, change func(*Config)) Config {
	registry := prometheus.NewRegistry()
	events := mih.Events(mih.EventLinkUp, mih.EventLinkDown)
	cfg := Config{
		MIH:          configs.MIH{MIHFID: mih.MIHFID(name), Listen: []netip.Addr{at}, Port: transport.Port, Peers: peers},
		MaximumLinks: 10000, Log: slog.New(slog.DiscardHandler), Counters: daemon.NewCounters(registry, Help), User: b.take,
		Identified: func(p configs.MIHPeer, id mih.MIHFID) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.names[p.Name] = id
		},
	}
	cfg.Capabilities.Events = &events
	change(&cfg)
	return cfg
}

func (b *bench) take(a mihf.Action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch a := a.(type) {
	case mihf.Deliver:
		b.delivered = append(b.delivered, a.Indication)
	case mihf.EventSubscribeConfirm:
		b.confirmed = append(b.confirmed, a)
	default:
		b.others = append(b.others, a)
	}
}

var every = mih.Events(mih.EventLinkUp, mih.EventLinkDown, mih.EventLinkGoingDown, mih.EventLinkParametersReport)

// subscribe subscribes a user at a peer and waits for its answer.
func (b *bench) subscribe(at mih.MIHFID) {
	b.t.Helper()
	b.Send(mihf.EventSubscribe{User: mihf.User{MIHF: b.cfg.MIH.MIHFID, Name: "test"}, Destination: at, Events: every})
	eventually(b.t, "subscribed", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.confirmed) > 0
	})
	if c := b.confirmed[0]; c.Status != mih.StatusSuccess || c.Events != every {
		b.t.Fatalf("subscription: %+v", c)
	}
}

// expect waits for the next indication, of a station, and returns it.
func (b *bench) expect(want mih.EventType, i int) (ind mih.Indication) {
	b.t.Helper()
	eventually(b.t, fmt.Sprintf("%s of station %d", want, i), func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.delivered) == 0 {
			return false
		}
		ind, b.delivered = b.delivered[0], b.delivered[1:]
		return true
	})
	if ind.Event.EventType() != want || ind.Event.LinkTuple().Link != station(i) {
		b.t.Fatalf("got %s of %v, want %s of %v", ind.Event.EventType(), ind.Event.LinkTuple().Link, want, station(i))
	}
	return ind
}

func (b *bench) count(what string) uint64 { return b.cfg.Counters.Snapshot()[Messages+"{"+what+"}"] }
