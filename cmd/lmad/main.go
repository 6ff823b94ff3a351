// Command lmad is a Local Mobility Anchor (RFC 5213 section 5): it owns the home network prefixes of a domain and keeps
// each one reachable through the access gateway where its mobile node is.
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"

	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
)

func main() {
	daemon.Main(daemon.Program[*configs.Lmad]{Name: "lmad", Short: "Local Mobility Anchor of Proxy Mobile IPv6", Load: configs.LoadLmad, Run: run, Clean: clean})
}

// gcPercent lets the heap grow by so much before it is collected. What lmad holds for long are its bindings, 0.5 KiB each at
// 100,000; with Go's 100 the garbage of a burst made 1.2 KiB of it until memory.go gave it back.
const gcPercent = 75

// ballastSize of the heap makes an anchor with few bindings collect as seldom as one with some ten thousand: the runtime takes it
// for held, and as nothing ever touches it no memory stands behind it (what tells of the heap has it in its figures). The price
// is gcPercent of it in garbage, 12 MiB; without it a burst of registrations at an empty anchor was collected every few
// milliseconds.
const ballastSize = 16 << 20

func run(ctx context.Context, cfg *configs.Lmad) error {
	if os.Getenv("GOGC") == "" { // the operator's word goes first
		ballast := make([]byte, ballastSize)
		defer runtime.KeepAlive(ballast)
		debug.SetGCPercent(gcPercent)
	}
	a, err := newAnchor(cfg)
	if err != nil {
		return err
	}
	defer a.close()
	return daemon.Run(ctx, a.log, a.tasks())
}
