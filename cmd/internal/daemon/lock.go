package daemon

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// ErrRuns says that a daemon runs.
var ErrRuns = errors.New("runs in this network namespace already")

// Lock holds the place of a daemon in the current network namespace, where only one of a kind has room: two would take each other's
// routes, rules and packet filters for their own. It comes first in a daemon's start and goes with its process; who cleans up holds it
// meanwhile. Nothing that a configuration says changes it, and no file that somebody removes.
//
// It is a unix socket in the abstract name space, which every network namespace has its own of. The kernel lets anybody have such a
// name: the error tells whose process it is, so that one of no daemon is found.
func Lock(daemon string) (*net.UnixListener, error) {
	name := &net.UnixAddr{Name: "@netlmm/" + daemon, Net: "unix"}
	lock, err := net.ListenUnix("unix", name)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil, fmt.Errorf("%s %w%s: stop it", daemon, ErrRuns, holder(name))
	}
	if err != nil {
		return nil, fmt.Errorf("hold the place of %s in this network namespace: %w", daemon, err)
	}
	return lock, nil
}

// holder is who has a name, as far as the kernel tells.
func holder(name *net.UnixAddr) string {
	conn, err := net.DialUnix("unix", nil, name)
	if err != nil {
		return ""
	}
	defer conn.Close()
	raw, err := conn.SyscallConn()
	if err != nil {
		return ""
	}
	var who *unix.Ucred
	if wrong := raw.Control(func(fd uintptr) { who, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); wrong != nil || err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %d of user %d)", who.Pid, who.Uid)
}
