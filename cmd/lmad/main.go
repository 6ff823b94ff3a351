// Command lmad is a Local Mobility Anchor (RFC 5213 section 5): it owns the home network prefixes of a domain and keeps
// each one reachable through the access gateway where its mobile node is.
package main

import (
	"context"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
)

func main() {
	daemon.Main("lmad", "Local Mobility Anchor of Proxy Mobile IPv6", configs.LoadLmad, run)
}

func run(ctx context.Context, cfg *configs.Lmad) error {
	a, err := newAnchor(cfg)
	if err != nil {
		return err
	}
	defer a.close()
	return daemon.Run(ctx, a.log, a.tasks())
}
