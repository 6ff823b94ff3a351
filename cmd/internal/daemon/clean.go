package daemon

import (
	"errors"
	"fmt"
	"io"
)

// Cleaning takes one kind of what a daemon leaves in the kernel away, and says in words what it found, one thing each.
type Cleaning func() (removed []string, err error)

// Kept is the error of a Cleaning that leaves something alone as it should, and what that is: it is told, and nothing failed.
type Kept string

func (k Kept) Error() string { return string(k) }

// Clean does all of them in their order, whatever becomes of the others, and tells on out.
func Clean(out io.Writer, all ...Cleaning) error {
	var errs []error
	found := 0
	for _, clean := range all {
		removed, err := clean()
		for _, what := range removed {
			fmt.Fprintln(out, "removed", what)
		}
		found += len(removed)
		if errors.As(err, new(Kept)) {
			fmt.Fprintln(out, "kept", err)
			continue
		}
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	if err == nil && found == 0 {
		fmt.Fprintln(out, "nothing to remove")
	}
	return err
}

// Table is the Cleaning of one table of nftables, by what knows how to remove it.
func Table(name string, remove func(name string) (removed bool, err error)) Cleaning {
	return func() ([]string, error) {
		removed, err := remove(name)
		if !removed {
			return nil, err
		}
		return []string{"nftables table inet " + name}, err
	}
}
