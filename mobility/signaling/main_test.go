package signaling

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"netlmm/internal/netnstest"
)

func TestMain(m *testing.M) { netnstest.Main(m, prepareNamespace) }

func prepareNamespace() error {
	if err := netnstest.Commands(
		"ip link set lo up",
		"ip -6 addr add 2001:db8::a/128 dev lo nodad",
		"ip -6 addr add 2001:db8::b/128 dev lo nodad",
	); err != nil {
		return err
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
