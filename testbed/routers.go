package testbed

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// RouterWatch notes what a mobile node's kernel believes of its default routers, whenever that changes. It only lists: a route lookup
// would make the kernel choose anew.
type RouterWatch struct {
	stop func()
	done sync.WaitGroup

	mu   sync.Mutex
	seen []RouterView
}

// RouterView is what was believed from an instant on: a default router and the state of its neighbour cache entry (RFC 4861 section
// 7.3.2) a line.
type RouterView struct {
	At      time.Time
	Routers string
}

// WatchRouters begins to look, every 50 ms.
func (d *Domain) WatchRouters(mn *MobileNode) (*RouterWatch, error) {
	h, err := d.handle(mn.Node)
	if err != nil {
		return nil, err
	}
	stopped := make(chan struct{})
	w := &RouterWatch{stop: sync.OnceFunc(func() { close(stopped) })}
	w.done.Add(1)
	go func() {
		defer w.done.Done()
		defer h.Close()
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			if view, err := routerView(h); err == nil { // a dump that a change interrupted: the next one tells
				w.note(view)
			}
			select {
			case <-stopped:
				return
			case <-ticker.C:
			}
		}
	}()
	return w, nil
}

func (w *RouterWatch) note(view string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.seen); n == 0 || w.seen[n-1].Routers != view {
		w.seen = append(w.seen, RouterView{time.Now(), view})
	}
}

// Now is what was believed last.
func (w *RouterWatch) Now() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		return ""
	}
	return w.seen[len(w.seen)-1].Routers
}

// Stop ends the watch and returns what it saw, in the order of time. It may be called again.
func (w *RouterWatch) Stop() []RouterView {
	w.stop()
	w.done.Wait()
	return w.seen
}

// routerView lists the default routers and how they are thought to be.
func routerView(h *netlink.Handle) (string, error) {
	link, err := h.LinkByName(stationInterface)
	if err != nil {
		return "", err
	}
	routes, err := h.RouteList(link, netlink.FAMILY_V6)
	neighbours, err2 := h.NeighList(link.Attrs().Index, netlink.FAMILY_V6)
	if err := errors.Join(err, err2); err != nil {
		return "", err
	}
	var lines []string
	for _, r := range routes {
		if ones, _ := r.Dst.Mask.Size(); ones != 0 {
			continue
		}
		gateways := []*netlink.NexthopInfo{{Gw: r.Gw}}
		if len(r.MultiPath) > 0 {
			gateways = r.MultiPath
		}
		for _, hop := range gateways {
			state := "no entry"
			for _, n := range neighbours {
				if n.IP.Equal(hop.Gw) {
					state = neighbourState(n.State)
				}
			}
			lines = append(lines, fmt.Sprintf("%v %s", hop.Gw, state))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n"), nil
}

// neighbourState is the name of a state as `ip neigh` prints it.
func neighbourState(state int) string {
	for _, s := range []struct {
		bit  int
		name string
	}{{unix.NUD_INCOMPLETE, "INCOMPLETE"}, {unix.NUD_REACHABLE, "REACHABLE"}, {unix.NUD_STALE, "STALE"}, {unix.NUD_DELAY, "DELAY"},
		{unix.NUD_PROBE, "PROBE"}, {unix.NUD_FAILED, "FAILED"}, {unix.NUD_PERMANENT, "PERMANENT"}} {
		if state&s.bit != 0 {
			return s.name
		}
	}
	return "NONE"
}
