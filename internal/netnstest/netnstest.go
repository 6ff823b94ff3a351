// Package netnstest lets tests of sockets run in network namespaces that end with them.
package netnstest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	insideVariable = "NETLMM_TEST_INSIDE_NAMESPACE"
	prepared       = "prepared"
)

// Main is the body of a TestMain, whose *testing.M it gets: it runs the tests of the package in a network namespace of their
// own, which ends with the process whatever happens. prepare, which may be nil, is called inside before the tests.
func Main(m interface{ Run() int }, prepare func() error) {
	if inside := os.Getenv(insideVariable); inside != "" {
		if prepare != nil && inside != prepared { // a fuzzing test's workers are processes of their own
			if err := prepare(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			_ = os.Setenv(insideVariable, prepared)
		}
		os.Exit(m.Run())
	}
	self := exec.Command("/proc/self/exe", os.Args[1:]...)
	self.Env = append(os.Environ(), insideVariable+"=1")
	self.Stdin, self.Stdout, self.Stderr = os.Stdin, os.Stdout, os.Stderr
	self.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := self.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintf(os.Stderr, "run the tests in a network namespace: %v (run as root)\n", err)
		os.Exit(1)
	}
	os.Exit(self.ProcessState.ExitCode())
}

// Command runs a program with its words.
func Command(line string) error {
	words := strings.Fields(line)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is missing: install it (see testbed/install-packages.sh)", words[0])
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}

// Commands runs programs one after the other, until one fails.
func Commands(lines ...string) error {
	for _, line := range lines {
		if err := Command(line); err != nil {
			return err
		}
	}
	return nil
}

// In runs f on a thread inside the named network namespace. Sockets made there stay there. f must not end the test.
func In(t testing.TB, namespace string, f func() error) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine and takes the namespace with it
		handle, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			defer handle.Close()
			err = unix.Setns(int(handle.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatalf("in namespace %s: %v", namespace, err)
	}
}

// usableSoon bounds how long an address may take to become usable.
const usableSoon = 20 * time.Second

// Open makes what needs an address, in the namespace or, without a name, in our own: again and again, since the kernel takes a
// moment before an address is usable. What was opened is closed with the test.
func Open[T io.Closer](t testing.TB, namespace string, open func() (T, error)) (opened T) {
	t.Helper()
	try := func() (err error) {
		for end := time.Now().Add(usableSoon); ; time.Sleep(5 * time.Millisecond) {
			if opened, err = open(); err == nil || time.Now().After(end) {
				return err
			}
		}
	}
	if namespace != "" {
		In(t, namespace, try)
	} else if err := try(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return opened
}
