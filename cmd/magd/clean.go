package main

import (
	"io"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/accesslink"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/hold"
	"netlmm/mobility/forwarding/kernel"
	"netlmm/security/filter"
)

// clean takes away what magd leaves when it stops. Of the access links only the configuration tells. The packet filter goes last: with
// it goes what keeps the control channel out of the clear.
func clean(out io.Writer, cfg *configs.Magd, usable bool) error {
	socket, steps := "/run/netlmm/magd.sock", []daemon.Cleaning{
		func() ([]string, error) { return kernel.Clean(forwarding.Gateway) },
		daemon.Table(holdTable, hold.Remove),
	}
	if usable {
		socket = cfg.AdminSocket
		for _, link := range cfg.AccessLinks {
			steps = append(steps, func() ([]string, error) { return accesslink.Clean(link.Interface, link.LinkLocalAddress) })
		}
	}
	return daemon.Clean(out, socket, append(steps, daemon.Table("netlmm_magd", filter.Clean))...)
}
