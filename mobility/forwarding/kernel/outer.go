package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"

	"github.com/vishvananda/netns"

	"netlmm/mobility/forwarding/internal/namespace"
	"netlmm/mobility/forwarding/outerheader"
)

// outerHeaders keeps the programs of package outerheader on the uplink, for the seg6 backend: without them packets pass all the
// same, but the hop limit and the congestion marks of their outer headers are what seg6 makes of them.
//
// They go with the process, whatever Close is told: Linux takes them away when the last file descriptor is closed, so that
// also after a kill the tunnels forward without that care until the next start.
type outerHeaders struct {
	uplink   string
	local    netip.Addr
	space    namespace.Space
	index    uint32 // of the uplink that they are on
	attached *outerheader.Attachment
	err      error // of the last attempt
}

// newOuterHeaders attaches the programs in the current network namespace.
func newOuterHeaders(l *layout, index uint32) (*outerHeaders, error) {
	space, err := namespace.Current()
	if err != nil {
		return nil, err
	}
	o := &outerHeaders{uplink: l.Uplink, local: l.Local, space: space}
	o.renew(index)
	return o, nil
}

// ensure attaches the programs anew to an uplink that was made anew: the old ones went with the old one.
func (o *outerHeaders) ensure(index uint32) {
	if o == nil || index == o.index {
		return
	}
	fd := o.space.FD()
	if fd == 0 {
		o.renew(index)
		return
	}
	done := make(chan struct{})
	go func() { // on a thread of its own, which nothing else uses afterwards: it has changed its namespace
		defer close(done)
		runtime.LockOSThread()
		if err := netns.Set(netns.NsHandle(fd)); err != nil {
			o.err = fmt.Errorf("enter the network namespace of the uplink: %w", err)
			return
		}
		o.renew(index)
	}()
	<-done
}

func (o *outerHeaders) renew(index uint32) {
	o.detach()
	if o.attached, o.err = outerheader.Attach(o.uplink, o.local, tunnelHopLimit); o.err == nil {
		o.index = index
	}
}

func (o *outerHeaders) detach() error {
	if o.attached == nil {
		return nil
	}
	err := o.attached.Close()
	o.attached, o.index = nil, 0
	return err
}

func (o *outerHeaders) close() error {
	if o == nil {
		return nil
	}
	return errors.Join(o.detach(), o.space.Close())
}

// Warnings says what is not as it should be, for operators.
func (k *Kernel) Warnings() []string {
	var warnings []string
	if k.outer != nil && k.outer.err != nil {
		warnings = append(warnings, fmt.Sprintf("packets in the tunnels keep their inner hop limit and lose congestion marks: %v", k.outer.err))
	}
	if c, ok := k.system.(*conn); ok && k.layout.Offload {
		if warning, ok := c.offloading.flows.warning(); ok {
			warnings = append(warnings, warning)
		}
	}
	for _, addr := range k.narrow() {
		warnings = append(warnings, fmt.Sprintf("the path to %s carries packets of %d octets only: a tunnel needs %d (RFC 8200 section 5), and what is larger is lost",
			addr, k.tunnels[addr].path, minimumMTU+headerTo(addr)))
	}
	return warnings
}
