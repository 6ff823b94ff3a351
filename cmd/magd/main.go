// Command magd is a Mobile Access Gateway (RFC 5213 section 6): it hears from access points which mobile nodes are there,
// registers them at their anchor and makes its access links look like the home link of each.
package main

import (
	"context"
	"time"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility/mag"
)

// stopPatience is how long a graceful stop may take.
const stopPatience = 5 * time.Second

func main() {
	daemon.Main(daemon.Program[*configs.Magd]{Name: "magd", Short: "Mobile Access Gateway of Proxy Mobile IPv6", Load: configs.LoadMagd, Run: run, Clean: clean})
}

// run works until ctx ends, and then stops gracefully: the gateway's machine says goodbye to the anchors first.
func run(ctx context.Context, cfg *configs.Magd) error {
	g, err := newGateway(cfg)
	if err != nil {
		return err
	}
	defer g.close()
	work, end := context.WithCancel(context.Background())
	defer end()
	context.AfterFunc(ctx, func() {
		defer end()
		g.log.Info("stopping", "deregister", cfg.DeregisterOnStop)
		g.send(mag.Stop{Deregister: cfg.DeregisterOnStop}, time.Now())
		select {
		case <-g.stopped:
		case <-time.After(stopPatience):
			g.log.Warn("the anchor did not answer every de-registration in time")
		}
	})
	return daemon.Run(work, g.log, g.tasks())
}
