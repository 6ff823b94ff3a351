// Command mihd is a stand-alone MIH Function (IEEE 802.21): at an access point that runs no gateway it tells those that subscribe,
// such as magd elsewhere, which stations come and go, and carries out their link commands. It may be an information server as well,
// or that alone.
package main

import (
	"context"
	"io"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/security/filter"
)

func main() {
	daemon.Main(daemon.Program[*configs.Mihd]{
		Name: "mihd", Short: "MIH Function of IEEE 802.21 for access points without a gateway", Load: configs.LoadMihd, Run: run, Clean: clean,
	})
}

// clean takes away the packet filter, which is all that mihd leaves when it stops.
func clean(out io.Writer, _ *configs.Mihd, _ error) error {
	return daemon.Clean(out, daemon.Table("netlmm_mihd", filter.Clean))
}

func run(ctx context.Context, cfg *configs.Mihd) error {
	f, err := newFunction(cfg)
	if err != nil {
		return err
	}
	defer f.close()
	return daemon.Run(ctx, f.log, f.tasks())
}
