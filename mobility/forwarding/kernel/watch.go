package kernel

import (
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"netlmm/mobility/forwarding/internal/namespace"
)

// resubscribePause paces new subscriptions after the kernel ended one, as it does when it had more to tell than fitted.
const resubscribePause = time.Second

// watch reports when a link comes up that was down, or new: Linux has dropped every IPv6 route over it meanwhile. So it does
// when a link has another link-layer address, as a bridge may with each port: Linux has dropped every neighbour entry on it.
type watch struct {
	names     map[string]bool
	up        map[string]linkState // of those that are up
	space     namespace.Space      // where the links are
	disturbed chan struct{}
	done      chan struct{}
}

// linkState is what makes a link another when it changes.
type linkState struct {
	index   int
	address string
}

// newWatch watches the links named in the current network namespace, until close.
func newWatch(names ...string) (*watch, error) {
	space, err := namespace.Current()
	if err != nil {
		return nil, err
	}
	w := &watch{names: map[string]bool{}, up: map[string]linkState{}, space: space, disturbed: make(chan struct{}, 1), done: make(chan struct{})}
	for _, n := range names {
		w.names[n] = true
	}
	updates, err := w.subscribe()
	if err != nil {
		space.Close()
		return nil, err
	}
	go w.run(updates)
	return w, nil
}

// subscribe asks for changes, and first for the links as they are: those that are up from the beginning disturb nothing.
func (w *watch) subscribe() (<-chan netlink.LinkUpdate, error) {
	updates := make(chan netlink.LinkUpdate)
	options := netlink.LinkSubscribeOptions{ListExisting: true}
	if fd := w.space.FD(); fd != 0 {
		space := netns.NsHandle(fd)
		options.Namespace = &space
	}
	if err := netlink.LinkSubscribeWithOptions(updates, w.done, options); err != nil {
		return nil, fmt.Errorf("subscribe to changes of links: %w", err)
	}
	return updates, nil
}

func (w *watch) run(updates <-chan netlink.LinkUpdate) {
	defer w.space.Close()
	for {
		for u := range updates {
			w.update(u)
		}
		for updates = nil; updates == nil; {
			select {
			case <-w.done:
				return
			case <-time.After(resubscribePause):
			}
			updates, _ = w.subscribe() // tried again after the pause
		}
		w.disturb() // whatever was missed
	}
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
	state := linkState{attrs.Index, string(attrs.HardwareAddr)}
	if w.up[attrs.Name] == state {
		return
	}
	w.up[attrs.Name] = state
	if u.Header.Flags&unix.NLM_F_MULTI != 0 { // the initial list
		return
	}
	w.disturb()
}

func (w *watch) disturb() {
	if w == nil {
		return
	}
	select {
	case w.disturbed <- struct{}{}:
	default: // one is due already
	}
}

func (w *watch) close() { close(w.done) }
