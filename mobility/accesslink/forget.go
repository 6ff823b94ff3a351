package accesslink

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Forget deletes the kernel's IPv6 neighbour entries of a node that left, so that nothing is sent to where it was. Entries
// set by hand stay. An interface that is gone or down has no such entries, and that is no error.
//
// The link-local address that was this router's towards that node alone goes too, unless the node has an offer: then it came
// back meanwhile. Its offer and what the kernel holds for that end with Withdraw, which comes first.
func (l *Link) Forget(linkLayer [6]byte) error {
	l.presence.seen(linkLayer, time.Now())
	l.unhold(linkLayer)
	p, err := l.current()
	var failed []error
	if _, offered := l.nodes.offerOf(linkLayer, time.Now()); !offered {
		_, failure := l.setSource(p, linkLayer, netip.Addr{})
		failed = append(failed, failure)
	}
	if err != nil {
		return nil
	}
	err = l.neighbours(p, linkLayer, func(entry netlink.Neigh) {
		if err := l.netlink.NeighDel(&entry); err != nil && !errors.Is(err, unix.ENOENT) {
			failed = append(failed, fmt.Errorf("%s: %w", entry.IP, err))
		}
	})
	if err = errors.Join(append(failed, err)...); err != nil {
		return fmt.Errorf("forget the neighbour %s on %s: %w", net.HardwareAddr(linkLayer[:]), l.config.Interface, err)
	}
	return nil
}
