package main

import (
	"io"

	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/dataplane"
	"netlmm/configs"
	"netlmm/mobility/forwarding"
	"netlmm/security/filter"
)

// clean takes away what lmad leaves when it stops. The packet filter goes last: with it goes what keeps the control channel out of
// the clear.
func clean(out io.Writer, _ *configs.Lmad, _ error) error {
	return daemon.Clean(out, dataplane.Clean(forwarding.Anchor), daemon.Table("netlmm_lmad", filter.Clean))
}
