package kernel

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// watch reports when a link comes up that was down, or new: Linux has dropped every IPv6 route over it meanwhile.
type watch struct {
	names     map[string]bool
	up        map[string]int // interface index of those that are up
	disturbed chan struct{}
	done      chan struct{}
}

// newWatch watches the links named in the current network namespace, until close.
func newWatch(names ...string) (*watch, error) {
	w := &watch{names: map[string]bool{}, up: map[string]int{}, disturbed: make(chan struct{}, 1), done: make(chan struct{})}
	for _, n := range names {
		w.names[n] = true
	}
	updates := make(chan netlink.LinkUpdate)
	// ListExisting: what is up from the beginning is known, and disturbs nothing.
	if err := netlink.LinkSubscribeWithOptions(updates, w.done, netlink.LinkSubscribeOptions{ListExisting: true}); err != nil {
		return nil, fmt.Errorf("subscribe to changes of links: %w", err)
	}
	go func() {
		for u := range updates {
			w.update(u)
		}
	}()
	return w, nil
}

func (w *watch) update(u netlink.LinkUpdate) {
	attrs := u.Attrs()
	if !w.names[attrs.Name] {
		return
	}
	if u.Header.Type == unix.RTM_DELLINK || attrs.Flags&net.FlagUp == 0 {
		delete(w.up, attrs.Name)
		return
	}
	if w.up[attrs.Name] == attrs.Index {
		return
	}
	w.up[attrs.Name] = attrs.Index
	if u.Header.Flags&unix.NLM_F_MULTI != 0 { // the initial list
		return
	}
	select {
	case w.disturbed <- struct{}{}:
	default: // one is due already
	}
}

func (w *watch) close() { close(w.done) }
