// Package namespace tells in which network namespace a thread is, for what opens sockets on other threads later.
package namespace

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Space is a network namespace; its zero value that of the process, which needs no word: whatever thread opens a socket, it is
// there. To enter one takes CAP_SYS_ADMIN, which a daemon need not have.
type Space struct{ fd int }

// Current is the namespace of the calling thread.
func Current() (Space, error) {
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Space{}, fmt.Errorf("find the current network namespace: %w", err)
	}
	var here, process unix.Stat_t
	if unix.Fstat(fd, &here) == nil && unix.Stat("/proc/self/ns/net", &process) == nil && here.Dev == process.Dev && here.Ino == process.Ino {
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
