package accesslink

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netns"

	"netlmm/internal/netnstest"
)

// The main thread stays out of the tests: a thread that changed its namespace must end, and the main thread cannot.
func init() { runtime.LockOSThread() }

// TestMain: the namespace of the tests and those that they make have no name and end with the process.
func TestMain(m *testing.M) { netnstest.Main(m, nil) }

// space is a network namespace.
type space struct {
	t      testing.TB
	handle netns.NsHandle
}

// here is the namespace of the process, home of the MAG under test.
func here(t testing.TB) space {
	t.Helper()
	handle, err := netns.GetFromPath("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { handle.Close() })
	return space{t, handle}
}

// newSpace makes a namespace with lo up.
func newSpace(t testing.TB) space {
	t.Helper()
	type result struct {
		handle netns.NsHandle
		err    error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		handle, err := netns.New()
		made <- result{handle, err}
	}()
	r := <-made
	if r.err != nil {
		t.Fatalf("make a network namespace: %v (run as root)", r.err)
	}
	t.Cleanup(func() { r.handle.Close() })
	s := space{t, r.handle}
	s.ip("link set lo up")
	return s
}

// do runs f on a thread in the namespace.
func (s space) do(f func() error) {
	s.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := netns.Set(s.handle)
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		s.t.Fatal(err)
	}
}

// ip runs an ip command in the namespace and returns what it prints.
func (s space) ip(arguments string) string {
	s.t.Helper()
	var out []byte
	s.do(func() (err error) {
		out, err = exec.Command("ip", strings.Fields(arguments)...).CombinedOutput()
		if errors.Is(err, exec.ErrNotFound) {
			return errors.New("ip is missing: install the Debian package iproute2")
		}
		if err != nil {
			return fmt.Errorf("ip %s: %w: %s", arguments, err, out)
		}
		return nil
	})
	return string(out)
}

func (s space) sysctl(name, value string) {
	s.t.Helper()
	s.do(func() error { return os.WriteFile("/proc/sys/"+name, []byte(value), 0) })
}

func (s space) readSysctl(name string) (value string) {
	s.t.Helper()
	s.do(func() error {
		raw, err := os.ReadFile("/proc/sys/" + name)
		value = strings.TrimSpace(string(raw))
		return err
	})
	return value
}

// try runs a command in the namespace and returns its error.
func (s space) try(name string, arguments ...string) (failure error) {
	s.do(func() error {
		failure = exec.Command(name, arguments...).Run()
		return nil
	})
	return failure
}
