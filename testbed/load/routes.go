package load

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/kernel"
)

const (
	routeSamples = 2000
	routeBatch   = 64 // as many as the anchor's engine applies at once
)

// routes measures what the kernel needs for the forwarding of one registration, without lmad around it.
func (b Bench) routes(_ context.Context, r *BenchReport) error {
	s := &space{bench: b, anchor: fmt.Sprintf("bench-lma-%d", os.Getpid()), gateway: fmt.Sprintf("bench-mag-%d", os.Getpid())}
	if err := s.build(); err != nil {
		return err
	}
	err := inNamespace(s.anchor, func() (err error) {
		r.KernelRoute, r.KernelRouteBatched, err = measureRoutes(r.Forwarding)
		return err
	})
	if removed := s.down(); err == nil {
		err = removed
	}
	return err
}

func measureRoutes(backend string) (alone, batched float64, err error) {
	local := netip.MustParseAddr(anchorAddress)
	k, err := kernel.Open(kernel.Config{Backend: backend, Local: local, Uplink: cableInterface, Role: forwarding.Anchor,
		Aggregates: []netip.Prefix{netip.MustParsePrefix(anchorPool)}})
	if err != nil {
		return 0, 0, err
	}
	defer k.Close(false)
	took := make([]time.Duration, 0, routeSamples)
	for i := range routeSamples {
		began := time.Now()
		if err := k.Apply(registrations(local, i, 1))[0]; err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	var sum time.Duration
	for i := routeSamples; i < 2*routeSamples; i += routeBatch {
		changes := registrations(local, i, routeBatch)
		began := time.Now()
		for _, err := range k.Apply(changes) {
			if err != nil {
				return 0, 0, err
			}
		}
		sum += time.Since(began)
	}
	batches := (routeSamples + routeBatch - 1) / routeBatch
	return microseconds(took[len(took)/2]), microseconds(sum) / float64(batches*routeBatch), nil
}

// registrations are n changes that give prefixes of the pool, from the first-th on, to the first gateway.
func registrations(local netip.Addr, first, n int) []forwarding.Change {
	changes := make([]forwarding.Change, n)
	for i := range changes {
		octets := netip.MustParsePrefix(anchorPool).Addr().As16()
		octets[6], octets[7] = byte((first+i)>>8), byte(first+i)
		prefix := netip.PrefixFrom(netip.AddrFrom16(octets), 64)
		changes[i] = forwarding.Change{Prefix: prefix, Entry: forwarding.Entry{Prefix: prefix, Role: forwarding.Anchor, Local: local, Peer: netip.MustParseAddr(firstGateway)}}
	}
	return changes
}

// inNamespace runs f on a thread of its own, which ends with it, in a network namespace.
func inNamespace(name string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked
		file, err := os.Open("/run/netns/" + name)
		if err == nil {
			defer file.Close()
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
		}
		if err != nil {
			done <- fmt.Errorf("enter namespace %s: %w", name, err)
			return
		}
		done <- f()
	}()
	return <-done
}
