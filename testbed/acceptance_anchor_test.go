package testbed

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
	"netlmm/mobility/mh"
	"netlmm/testbed/load"
)

// loadedAnchor is an lmad in a namespace of its own, and another namespace in which the load generator speaks as both MAGs. The
// control channel is in clear, and the forwarding state real.
type loadedAnchor struct {
	*Domain
	t    *testing.T
	http *http.Client // to lmad's admin API; netlmmctl would take its time to start

	mu    sync.Mutex
	acked map[string]acked // by mobile node
}

// acked is the last accepting answer that a mobile node's gateway got, and the prefix of the first.
type acked struct {
	at     time.Time
	prefix netip.Prefix
}

const anchorConfiguration = `lma:
  address: %s
  pools: ["%s"]
  maximum_bindings: 200000
store:
  path: %s/lmad.db
mags:
  - {name: mag1, address: "%s", compat: %s}
  - {name: mag2, address: "%s", compat: %s}
forwarding:
  uplink: core0
security:
  mode: none
%sadmin:
  socket: %s/admin.sock
`

// newLoadedAnchor builds the namespaces and writes the configuration; lmad does not run yet. More is put into the file.
func newLoadedAnchor(t *testing.T, suffix, compat, more string) *loadedAnchor {
	t.Helper()
	d, err := newDomain(Options{ID: "t" + strconv.Itoa(os.Getpid()) + suffix, BinDir: binaries, Progress: progress{t}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Down(); err != nil {
			t.Errorf("take the domain down: %v", err)
		}
		leftovers(t, d)
	})
	for _, node := range []string{NodeLMA, NodeMAG1} {
		if err := d.addNode(node); err != nil {
			t.Fatal(err)
		}
		if err := d.sysctl(node, map[string]string{"all/forwarding": "1", "default/forwarding": "1", "all/accept_dad": "0", "default/accept_dad": "0"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.cable(end{node: NodeLMA, name: coreInterface}, end{node: NodeMAG1, name: coreInterface}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []struct {
		node    string
		address netip.Addr
	}{{NodeLMA, LMAAddress}, {NodeMAG1, MAG1Address}, {NodeMAG1, MAG2Address}} {
		if err := d.address(a.node, coreInterface, a.address.String()+"/64"); err != nil {
			t.Fatal(err)
		}
	}
	dir := d.Path(NodeLMA, "")
	text := fmt.Sprintf(anchorConfiguration, LMAAddress, HNPPool, dir, MAG1Address, compat, MAG2Address, compat, more, dir)
	if err := os.WriteFile(d.Path(NodeLMA, "lmad.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := &loadedAnchor{Domain: d, t: t, acked: map[string]acked{}}
	a.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", d.AdminSocket(NodeLMA))
	}}}
	return a
}

// startLMAD runs lmad, for the first time or again, without waiting for anything.
func (a *loadedAnchor) startLMAD() {
	a.t.Helper()
	binary, err := a.binary(ProgramLMAD)
	if err == nil {
		_, err = a.start(NodeLMA, ProgramLMAD, nil, binary, "--config", a.Path(NodeLMA, "lmad.yaml"))
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// get asks lmad's admin API.
func (a *loadedAnchor) get(path string, result any) error {
	response, err := a.http.Get("http://lmad/v1/" + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(result)
}

// anchorStatus is the part of lmad's status that says how far it is.
type anchorStatus struct {
	Bindings   int `json:"bindings"`
	Forwarding struct {
		Backend string `json:"backend"`
		Entries int    `json:"entries"`
		Pending int    `json:"pending"`
	} `json:"forwarding"`
}

// load runs the load generator until it is done or ctx ends.
func (a *loadedAnchor) load(ctx context.Context, c load.Config) (report *load.Report, err error) {
	c.LMA, c.MAGs, c.Lifetime, c.Realm = LMAAddress, []netip.Addr{MAG1Address, MAG2Address}, time.Hour, "load.example"
	if c.Compat == "" {
		c.Compat = load.Strict
	}
	c.Count = max(c.Count, 1)
	err = a.in(NodeMAG1, func() (err error) {
		report, err = load.Run(ctx, c)
		return err
	})
	return report, err
}

// listen keeps the answers that the gateways get, beside the load generator, until the returned function is called.
func (a *loadedAnchor) listen() (stop func()) {
	a.t.Helper()
	var socket int
	err := a.in(NodeMAG1, func() (err error) {
		socket, err = unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_MH)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20); err != nil {
			return err
		}
		return unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100000})
	})
	if err != nil {
		a.t.Fatal(err)
	}
	ending, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		a.hear(socket, ending)
	}()
	return func() {
		close(ending)
		<-done
		unix.Close(socket)
	}
}

func (a *loadedAnchor) hear(socket int, ending chan struct{}) {
	buffer := make([]byte, snapLength)
	var ack mh.BindingAcknowledgement
	for {
		n, _, err := unix.Recvfrom(socket, buffer, 0)
		if err != nil { // nothing came for a while
			select {
			case <-ending:
				return
			default:
				continue
			}
		}
		if ack.Decode(buffer[:n]) == nil && ack.Status == mobility.StatusAccepted && ack.Lifetime > 0 && len(ack.Options.HomeNetworkPrefixes) > 0 {
			a.note(time.Now(), ack.Options.MobileNodeID.String(), ack.Options.HomeNetworkPrefixes[0])
		}
	}
}

// note keeps an answer. A mobile node that gets another prefix than it had is a failure at once.
func (a *loadedAnchor) note(at time.Time, id string, prefix netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if old, known := a.acked[id]; known && old.prefix != prefix {
		a.t.Errorf("%s has %s and now gets %s", id, old.prefix, prefix)
	}
	a.acked[id] = acked{at, prefix}
}

// routes counts lmad's routes to mobile nodes in the kernel.
func (a *loadedAnchor) routes() (n int) {
	a.t.Helper()
	err := a.withHandle(NodeLMA, func(h *netlink.Handle) error {
		return h.RouteListFilteredIter(netlink.FAMILY_V6, &netlink.Route{Table: unix.RT_TABLE_UNSPEC, Protocol: routeProtocol},
			netlink.RT_FILTER_TABLE|netlink.RT_FILTER_PROTOCOL, func(r netlink.Route) bool {
				if r.Dst != nil {
					ones, _ := r.Dst.Mask.Size()
					if address, ok := netip.AddrFromSlice(r.Dst.IP); ok && ones == 64 && HNPPool.Contains(address) {
						n++
					}
				}
				return true
			})
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}

const routeProtocol = 213 // of the forwarding's routes and rules
