package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Addresses of the cable between the two namespaces.
const (
	anchorAddress  = "2001:db8:f0::ff"
	firstGateway   = "2001:db8:f0::1"
	secondGateway  = "2001:db8:f0::2"
	anchorPool     = "2001:db8:1000::/40"
	cableInterface = "core0"
)

// space is a running lmad with its two namespaces.
type space struct {
	bench           Bench
	anchor, gateway string // namespaces
	dir             string
	compat          Compat // of the gateways, as lmad is told
	lmad            *exec.Cmd
	exited          chan struct{}
}

// inSpace builds namespaces and a cable, starts lmad with a forwarding backend, runs f and takes everything down again.
func (b Bench) inSpace(backend string, f func(*space) error) error {
	return b.inSpaceOf(Strict, backend, f)
}

// inSpaceOf is inSpace with gateways of a kind.
func (b Bench) inSpaceOf(compat Compat, backend string, f func(*space) error) (err error) {
	s := &space{bench: b, compat: compat, anchor: fmt.Sprintf("bench-lma-%d", os.Getpid()), gateway: fmt.Sprintf("bench-mag-%d", os.Getpid())}
	defer func() { err = errors.Join(err, s.down()) }()
	if s.dir, err = os.MkdirTemp("", "netlmm-bench-"); err != nil {
		return err
	}
	if err := s.build(); err != nil {
		return err
	}
	if err := s.start(backend); err != nil {
		return err
	}
	return f(s)
}

func (s *space) build() error {
	for _, line := range []string{
		"netns add " + s.anchor,
		"netns add " + s.gateway,
		"-n " + s.anchor + " link add " + cableInterface + " type veth peer name " + cableInterface + " netns " + s.gateway,
		"-n " + s.anchor + " addr add " + anchorAddress + "/64 dev " + cableInterface + " nodad",
		"-n " + s.gateway + " addr add " + firstGateway + "/64 dev " + cableInterface + " nodad",
		"-n " + s.gateway + " addr add " + secondGateway + "/64 dev " + cableInterface + " nodad",
		"-n " + s.anchor + " link set lo up",
		"-n " + s.gateway + " link set lo up",
		"-n " + s.anchor + " link set " + cableInterface + " up",
		"-n " + s.gateway + " link set " + cableInterface + " up",
	} {
		if err := ip(line); err != nil {
			return err
		}
	}
	return errors.Join(awaitAddresses(s.anchor), awaitAddresses(s.gateway))
}

// awaitAddresses returns when duplicate address detection is over in a namespace: until then neighbours may not find each
// other, which would cost the first requests a second.
func awaitAddresses(namespace string) error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, err := exec.Command("ip", "-n", namespace, "-6", "addr", "show", "tentative").Output()
		if err != nil || len(out) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("addresses in %s are still tentative after 20s:\n%s", namespace, out)
		}
	}
}

func ip(line string) error {
	out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("ip is not installed; install it with: apt-get install iproute2")
	}
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s (the benchmark must run as root)", line, err, out)
	}
	return nil
}

const configuration = `lma:
  address: %s
  pools: ["%s"]
  maximum_bindings: 200000
  min_delay_before_bce_delete: %s
store:
  path: %s/lmad.db
mags:
  - {name: mag1, address: "%s", compat: %s}
  - {name: mag2, address: "%s", compat: %s}
forwarding:
  uplink: %s
  backend: %s
security:
  mode: none
admin:
  socket: %s/admin.sock
`

// start runs lmad as it is in production but for security, and waits for its admin socket.
func (s *space) start(backend string) error {
	text := fmt.Sprintf(configuration, anchorAddress, anchorPool, deletionDelay, s.dir, firstGateway, s.compat, secondGateway, s.compat, cableInterface, backend, s.dir)
	if err := os.WriteFile(filepath.Join(s.dir, "lmad.yaml"), []byte(text), 0o600); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "lmad.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.lmad = exec.Command("ip", "netns", "exec", s.anchor, filepath.Join(s.bench.BinDir, "lmad"), "--config", filepath.Join(s.dir, "lmad.yaml"))
	s.lmad.Stdout, s.lmad.Stderr = log, log
	if err := s.lmad.Start(); err != nil {
		s.lmad = nil
		return err
	}
	s.exited = make(chan struct{})
	go func() {
		_ = s.lmad.Wait() // how it ended shows in its log
		close(s.exited)
	}()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if _, err := os.Stat(filepath.Join(s.dir, "admin.sock")); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("lmad ended at start:\n%s", content(log.Name()))
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.New("lmad did not open its admin socket within 20s")
		}
	}
}

// load runs the generator as a process of its own in the gateways' namespace.
func (s *space) load(ctx context.Context, r *BenchReport, name string, arguments ...string) (*Report, error) {
	s.bench.progressf("  %s: %s", name, strings.Join(arguments, " "))
	file := filepath.Join(s.dir, name+".json")
	c := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", s.gateway, filepath.Join(s.bench.BinDir, "testbed"), "load",
		"--lma", anchorAddress, "--mags", firstGateway + "," + secondGateway, "--closed-loop", "--pause", roundPause.String(),
		"--realm", strings.ReplaceAll(name, "_", "-") + ".example", "--quiet", "--json", file}, arguments...)...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	out, err := c.CombinedOutput()
	raw, missing := os.ReadFile(file)
	if missing != nil {
		return nil, fmt.Errorf("%s: %w: %s", name, errors.Join(err, missing), out)
	}
	report := &Report{}
	if err := json.Unmarshal(raw, report); err != nil {
		return nil, err
	}
	r.Runs[name] = report
	if err := sleep(ctx, roundPause); err != nil {
		return nil, err
	}
	return report, nil
}

// resident is one kind of lmad's resident memory, as /proc names it, in octets.
func (s *space) resident(kind string) (int64, error) {
	for line := range strings.Lines(content(fmt.Sprintf("/proc/%d/status", s.lmad.Process.Pid))) {
		if rest, ok := strings.CutPrefix(line, kind); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("lmad has ended: " + content(filepath.Join(s.dir, "lmad.log")))
}

// processor is lmad's processor time so far, in user and in kernel mode.
func (s *space) processor() time.Duration {
	// The fields count from behind the command's name, which may hold anything.
	_, rest, _ := strings.Cut(content(fmt.Sprintf("/proc/%d/stat", s.lmad.Process.Pid)), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * (time.Second / 100) // USER_HZ is 100 on every Linux that Go runs on
}

// down ends lmad and removes what build made.
func (s *space) down() error {
	if s.lmad != nil {
		_ = s.lmad.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.exited:
		case <-time.After(10 * time.Second):
			_ = s.lmad.Process.Kill()
			<-s.exited
		}
	}
	var errs []error
	for _, namespace := range []string{s.anchor, s.gateway} {
		if _, err := os.Stat("/run/netns/" + namespace); err == nil {
			errs = append(errs, ip("netns del "+namespace))
		}
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
