package signaling

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const insideVariable = "NETLMM_SIGNALING_TEST_INSIDE"

// TestMain runs the tests in a network namespace of their own, which ends with the process whatever happens.
func TestMain(m *testing.M) {
	if os.Getenv(insideVariable) != "" {
		if err := prepareNamespace(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
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

func prepareNamespace() error {
	for _, line := range []string{
		"ip link set lo up",
		"ip -6 addr add 2001:db8::a/128 dev lo nodad",
		"ip -6 addr add 2001:db8::b/128 dev lo nodad",
	} {
		if err := command(line); err != nil {
			return err
		}
	}
	return waitForRoutes()
}

// waitForRoutes waits for the routes to our addresses: the kernel adds them a moment after the addresses themselves.
func waitForRoutes() error {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		local, err := exec.Command("ip", "-6", "route", "show", "table", "local").CombinedOutput()
		if err != nil {
			return fmt.Errorf("show the local routes: %w: %s", err, local)
		}
		if strings.Contains(string(local), mag.String()+" ") && strings.Contains(string(local), lma.String()+" ") {
			return nil
		}
	}
	return errors.New("the test addresses never became usable (see `ip -6 route show table local`)")
}

func command(line string) error {
	words := strings.Fields(line)
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is missing: install the Debian packages iproute2 and nftables", words[0])
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", line, err, out)
	}
	return nil
}
