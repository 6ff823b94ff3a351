package main

import (
	"io"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/kernel"
	"netlmm/security/filter"
)

// clean takes away what lmad leaves when it stops. The packet filter goes last: with it goes what keeps the control channel out of
// the clear.
func clean(out io.Writer, cfg *configs.Lmad, usable bool) error {
	socket := "/run/netlmm/lmad.sock"
	if usable {
		socket = cfg.AdminSocket
	}
	return daemon.Clean(out, socket, func() ([]string, error) { return kernel.Clean(forwarding.Anchor) }, daemon.Table("netlmm_lmad", filter.Clean))
}
