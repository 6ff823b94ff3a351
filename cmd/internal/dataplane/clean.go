package dataplane

import (
	"errors"

	"netlmm/cmd/internal/daemon"
	"netlmm/mobility/forwarding"
	"netlmm/mobility/forwarding/kernel"
)

// Clean takes away all that a role forwards with, which its marks do not tell from the other role's: while that one's daemon runs it is
// that one's, which swept away all else when it started.
func Clean(role forwarding.Role) daemon.Cleaning {
	other := "magd"
	if role == forwarding.Gateway {
		other = "lmad"
	}
	return func() ([]string, error) {
		lock, err := daemon.Lock(other)
		if errors.Is(err, daemon.ErrRuns) {
			return nil, daemon.Kept("all forwarding, which is of " + other + ": it runs")
		}
		if err != nil {
			return nil, err
		}
		defer lock.Close()
		removed, err := kernel.Clean(role)
		if errors.Is(err, kernel.ErrOtherRole) {
			return nil, daemon.Kept("all forwarding, which is of " + other + ": " + other + " --clean takes it away")
		}
		return removed, err
	}
}
