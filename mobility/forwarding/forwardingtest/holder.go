package forwardingtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"netlmm/mobility/forwarding"
)

// Holder is a forwarding.Holder in memory that notes what it is told. The zero value is ready to use.
type Holder struct {
	// Fail is asked before "hold" with the prefix and "mend" with the zero prefix. Its error, when not nil, is the operation's.
	Fail func(operation string, prefix netip.Prefix) error
	// Told, if set, is called with every operation: "hold", "release", "drop" and "mend".
	Told func(operation string, prefix netip.Prefix)

	held map[netip.Prefix]bool
}

// Hold implements forwarding.Holder.
func (h *Holder) Hold(e forwarding.Entry) error {
	if err := h.ask("hold", e.Prefix); err != nil {
		return err
	}
	if h.held == nil {
		h.held = map[netip.Prefix]bool{}
	}
	h.held[e.Prefix] = true
	return nil
}

// Release implements forwarding.Holder.
func (h *Holder) Release(prefix netip.Prefix) { h.end("release", prefix) }

// Drop implements forwarding.Holder.
func (h *Holder) Drop(prefix netip.Prefix) { h.end("drop", prefix) }

func (h *Holder) end(operation string, prefix netip.Prefix) {
	if !h.held[prefix] {
		panic(fmt.Sprintf("%s of %s, which is not held", operation, prefix))
	}
	if h.Told != nil {
		h.Told(operation, prefix)
	}
	delete(h.held, prefix)
}

// Mend implements forwarding.Holder.
func (h *Holder) Mend() error { return h.ask("mend", netip.Prefix{}) }

func (h *Holder) ask(operation string, prefix netip.Prefix) error {
	if h.Told != nil {
		h.Told(operation, prefix)
	}
	if h.Fail == nil {
		return nil
	}
	return h.Fail(operation, prefix)
}

// String renders the prefixes held, one a line, sorted by text.
func (h *Holder) String() string {
	lines := make([]string, 0, len(h.held))
	for p := range h.held {
		lines = append(lines, p.String()+" held\n")
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
