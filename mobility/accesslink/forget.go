package accesslink

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Forget deletes the kernel's IPv6 neighbour entries of a node that left, so that nothing is sent to where it was. Entries
// set by hand stay. An interface that is gone or down has no such entries, and that is no error.
func (l *Link) Forget(linkLayer [6]byte) error {
	l.presence.seen(linkLayer, time.Now())
	l.unhold(linkLayer)
	p, err := l.current()
	if err != nil {
		return nil
	}
	var failed []error
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
