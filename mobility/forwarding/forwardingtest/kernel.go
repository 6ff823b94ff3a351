// Package forwardingtest offers a fake kernel for tests of what drives a forwarding.Reconciler.
package forwardingtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"netlmm/mobility/forwarding"
)

// Kernel is a forwarding.Kernel in memory that renders what it holds as text. The zero value is ready to use.
type Kernel struct {
	// Fail is asked before every operation: "apply" with the prefix, "applied" and "sweep" with the zero prefix. Its error,
	// when not nil, is the operation's. nil: nothing fails.
	Fail func(operation string, prefix netip.Prefix) error

	Calls int // of Apply

	entries map[netip.Prefix]forwarding.Entry
}

// Apply implements forwarding.Kernel. A change that fails leaves the prefix without any entry, as a kernel that took only
// a part of it would have an incomplete one.
func (k *Kernel) Apply(changes []forwarding.Change) []error {
	k.Calls++
	errs := make([]error, len(changes))
	for i, c := range changes {
		delete(k.entries, c.Prefix)
		if errs[i] = k.fail("apply", c.Prefix); errs[i] == nil && c.Entry.Role != 0 {
			k.Put(c.Entry)
		}
	}
	return errs
}

// Applied implements forwarding.Kernel.
func (k *Kernel) Applied() (*forwarding.Entries, error) {
	if err := k.fail("applied", netip.Prefix{}); err != nil {
		return nil, err
	}
	var held forwarding.Entries
	for _, e := range k.entries {
		held.Set(e)
	}
	return &held, nil
}

// Sweep implements forwarding.Kernel. The fake holds nothing incomplete.
func (k *Kernel) Sweep() error { return k.fail("sweep", netip.Prefix{}) }

// Put makes the kernel have e, as far as a kernel stores it, as an earlier run or somebody else's command might have.
func (k *Kernel) Put(e forwarding.Entry) {
	if k.entries == nil {
		k.entries = map[netip.Prefix]forwarding.Entry{}
	}
	k.entries[e.Prefix] = e.InKernel()
}

// Remove makes the kernel forget prefix behind the reconciler's back.
func (k *Kernel) Remove(prefix netip.Prefix) { delete(k.entries, prefix) }

// String renders one line an entry, sorted by text.
func (k *Kernel) String() string {
	lines := make([]string, 0, len(k.entries))
	for _, e := range k.entries {
		lines = append(lines, Render(e))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (k *Kernel) fail(operation string, prefix netip.Prefix) error {
	if k.Fail == nil {
		return nil
	}
	return k.Fail(operation, prefix)
}

// Render is one entry as a line of text.
func Render(e forwarding.Entry) string {
	switch e.Role {
	case forwarding.Anchor:
		return fmt.Sprintf("%s to %s from %s\n", e.Prefix, e.Peer, e.Local)
	case forwarding.Gateway:
		text := fmt.Sprintf("%s on %s, through %s from %s", e.Prefix, e.Interface, e.Peer, e.Local)
		if e.LocalRouting {
			text += ", locally routed"
		}
		switch e.Transfer {
		case forwarding.NoTransfer:
		case forwarding.Leaving:
			text += fmt.Sprintf(", leaving to %s", e.OtherGateway)
		default:
			text += fmt.Sprintf(", %v from %s", e.Transfer, e.OtherGateway)
		}
		if e.Hold {
			text += ", held"
		}
		return text + "\n"
	default:
		return fmt.Sprintf("%s discarded\n", e.Prefix)
	}
}
