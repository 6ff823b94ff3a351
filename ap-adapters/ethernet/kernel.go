package ethernet

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// errNoBridge says that there is no bridge of a name. Everything else that keeps one from looking passes.
var errNoBridge = errors.New("no such bridge")

// kernel is what the adapter needs of rtnetlink.
type kernel interface {
	// follow announces changes until ctx ends or one was lost; then the channel is closed.
	follow(ctx context.Context) (<-chan change, error)
	// look tells all of a bridge. Of one that is not there the view is empty, and the error errNoBridge.
	look(bridge string) (view, error)
	close()
}

// change is one of its fields.
type change struct {
	port  *port
	entry *entry
}

// port is an interface, whether of a bridge or not, or a bridge itself.
type port struct {
	index, bridge int
	name          string
	carrier       bool
	gone          bool
}

// entry is one that a bridge has learned.
type entry struct {
	bridge, port int
	mac          [6]byte
	vlan         int
	gone         bool
}

// view is a bridge as it is.
type view struct {
	index   int
	ports   map[int]port
	entries []entry
}

const (
	announcements = 1024    // on their way to the adapter
	receiveBuffer = 4 << 20 // and in the kernel: a switch that comes up moves hundreds of stations at once
)

// rtnetlink is the real kernel, in the network namespace of who opens it.
type rtnetlink struct{ handle *netlink.Handle }

func openKernel() (kernel, error) {
	handle, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	return rtnetlink{handle}, nil
}

func (k rtnetlink) close() { k.handle.Close() }

// follow joins both subscriptions: when one of them ends, so does the other.
func (k rtnetlink) follow(ctx context.Context) (<-chan change, error) {
	ctx, cancel := context.WithCancel(ctx)
	links, neighbours := make(chan netlink.LinkUpdate, announcements), make(chan netlink.NeighUpdate, announcements)
	quiet := func(error) {} // the channel is closed
	if err := netlink.LinkSubscribeWithOptions(links, ctx.Done(), netlink.LinkSubscribeOptions{ErrorCallback: quiet, ReceiveBufferSize: receiveBuffer, ReceiveBufferForceSize: true}); err != nil {
		cancel()
		return nil, fmt.Errorf("subscribe to changes of interfaces: %w (run as root or with CAP_NET_ADMIN)", err)
	}
	if err := netlink.NeighSubscribeWithOptions(neighbours, ctx.Done(), netlink.NeighSubscribeOptions{ErrorCallback: quiet, ReceiveBufferSize: receiveBuffer, ReceiveBufferForceSize: true}); err != nil {
		cancel()
		for range links { // until it is closed
		}
		return nil, fmt.Errorf("subscribe to changes of forwarding databases: %w", err)
	}
	changes := make(chan change)
	var both sync.WaitGroup
	pass := func(c change) {
		select {
		case changes <- c:
		case <-ctx.Done():
		}
	}
	both.Go(func() {
		defer cancel()
		for update := range links {
			p := portOf(update.Link)
			p.gone = update.Header.Type == unix.RTM_DELLINK
			pass(change{port: &p})
		}
	})
	both.Go(func() {
		defer cancel()
		for update := range neighbours {
			if e, ok := entryOf(update.Neigh); ok {
				e.gone = update.Type == unix.RTM_DELNEIGH
				pass(change{entry: &e})
			}
		}
	})
	go func() {
		both.Wait()
		close(changes)
	}()
	return changes, nil
}

func (k rtnetlink) look(bridge string) (v view, err error) {
	var missing netlink.LinkNotFoundError
	link, err := k.handle.LinkByName(bridge)
	switch {
	case errors.As(err, &missing):
		return v, fmt.Errorf("%w: %s", errNoBridge, bridge)
	case err != nil:
		return v, fmt.Errorf("look for bridge %s: %w", bridge, err)
	case link.Type() != "bridge":
		return v, fmt.Errorf("%w: %s is of kind %q", errNoBridge, bridge, link.Type())
	}
	index := link.Attrs().Index
	links, err := k.handle.LinkList()
	if err != nil {
		return v, fmt.Errorf("list the ports of %s: %w", bridge, err)
	}
	neighbours, err := k.handle.NeighList(0, unix.AF_BRIDGE)
	if err != nil {
		return v, fmt.Errorf("list the forwarding database of %s: %w", bridge, err)
	}
	v = view{index: index, ports: map[int]port{}}
	for _, l := range links {
		if p := portOf(l); p.bridge == index {
			v.ports[p.index] = p
		}
	}
	for _, n := range neighbours {
		if e, ok := entryOf(n); ok && e.bridge == index {
			v.entries = append(v.entries, e)
		}
	}
	return v, nil
}

func portOf(l netlink.Link) port {
	attributes := l.Attrs()
	const up = unix.IFF_UP | unix.IFF_LOWER_UP
	return port{index: attributes.Index, bridge: attributes.MasterIndex, name: attributes.Name, carrier: attributes.RawFlags&up == up}
}

// entryOf takes what a bridge has learned. Its own addresses are permanent, what an administrator has set is static: neither says who
// is there. What a device filters for itself has no bridge.
func entryOf(n netlink.Neigh) (entry, bool) {
	if n.Family != unix.AF_BRIDGE || n.MasterIndex == 0 || len(n.HardwareAddr) != 6 || n.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) != 0 {
		return entry{}, false
	}
	return entry{bridge: n.MasterIndex, port: n.LinkIndex, mac: [6]byte(n.HardwareAddr), vlan: n.Vlan}, true
}
