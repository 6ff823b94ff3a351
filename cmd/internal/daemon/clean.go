package daemon

import (
	"errors"
	"fmt"
	"io"
)

// Cleaning takes one kind of what a daemon leaves in the kernel away, and says in words what it found, one thing each.
type Cleaning func() (removed []string, err error)

// Clean does all of them in their order, whatever becomes of the others, and tells on out. It refuses while a daemon answers at the
// admin socket, and none starts meanwhile.
func Clean(out io.Writer, socket string, all ...Cleaning) error {
	lock, err := OpenAdmin(socket)
	if err != nil {
		return err
	}
	defer lock.Close()
	var errs []error
	found := 0
	for _, clean := range all {
		removed, err := clean()
		for _, what := range removed {
			fmt.Fprintln(out, "removed", what)
		}
		found += len(removed)
		errs = append(errs, err)
	}
	if err = errors.Join(errs...); err == nil && found == 0 {
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
