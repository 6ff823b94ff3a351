package main

import (
	"fmt"
	"io"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/dataplane"
	"netlmm/configs"
	"netlmm/mobility/accesslink"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/hold"
	"netlmm/security/filter"
)

// clean takes away what magd leaves when it stops. The packet filter goes last: with it goes what keeps the control channel out of
// the clear.
func clean(out io.Writer, cfg *configs.Magd, unread error) error {
	steps := append([]daemon.Cleaning{dataplane.Clean(forwarding.Gateway), daemon.Table(holdTable, hold.Remove)}, cleanAccess(cfg, unread)...)
	return daemon.Clean(out, append(steps, daemon.Table("netlmm_magd", filter.Clean))...)
}

// cleanAccess is for the access links, of which only the configuration tells.
func cleanAccess(cfg *configs.Magd, unread error) (steps []daemon.Cleaning) {
	if unread != nil {
		return []daemon.Cleaning{func() ([]string, error) {
			return nil, fmt.Errorf("what is on access links, which only the configuration names: %w", unread)
		}}
	}
	for _, link := range cfg.AccessLinks {
		steps = append(steps, func() ([]string, error) { return accesslink.Clean(link.Interface, link.LinkLocalAddress) })
	}
	return steps
}
