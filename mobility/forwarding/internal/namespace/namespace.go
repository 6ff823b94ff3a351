// Package namespace tells in which network namespace a thread is, for what opens sockets on other threads later.
package namespace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Space is a network namespace; its zero value that of the process, which needs no word: whatever thread opens a socket, it is
// there. To enter one takes CAP_SYS_ADMIN, which a daemon need not have.
type Space struct{ fd int }

// process is the namespace that the process began in. Later no thread can be asked for it: also the first one may have gone elsewhere.
var process = func() (at unix.Stat_t) {
	_ = unix.Stat("/proc/self/ns/net", &at) // of none known each is another one
	return at
}()

// Current is the namespace of the calling thread.
func Current() (Space, error) {
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Space{}, fmt.Errorf("find the current network namespace: %w", err)
	}
	var here unix.Stat_t
	if unix.Fstat(fd, &here) == nil && here.Dev == process.Dev && here.Ino == process.Ino {
		return Space{}, unix.Close(fd)
	}
	return Space{fd}, nil
}

// FD is its file descriptor, 0 for the namespace of the process.
func (s Space) FD() int { return s.fd }

// Close closes the file descriptor. It must not be called twice.
func (s Space) Close() error {
	if s.fd == 0 {
		return nil
	}
	return unix.Close(s.fd)
}
