// Command mihd is a stand-alone MIH Function (IEEE 802.21): at an access point that runs no gateway it tells those that subscribe,
// such as magd elsewhere, which stations come and go, and carries out their link commands. It may be an information server as well,
// or that alone.
package main

import (
	"context"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
)

func main() {
	daemon.Main("mihd", "MIH Function of IEEE 802.21 for access points without a gateway", configs.LoadMihd, run)
}

func run(ctx context.Context, cfg *configs.Mihd) error {
	f, err := newFunction(cfg)
	if err != nil {
		return err
	}
	defer f.close()
	return daemon.Run(ctx, f.log, f.tasks())
}
