//go:build packages

package packaging

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a machine of this test may take for what a person would wait for.
const patience = 60 * time.Second

// container is a machine of its own: a fresh Debian under systemd, in a network namespace, below it a copy-on-write root.
type container struct {
	name   string // what it calls itself
	tag    string // what it is called here: network namespace, control groups
	dir    string // of upper, work and merged directory
	leader int    // systemd
}

// cgroups are the hierarchies that systemd keeps its units in. Each container gets a group of its own there, since the
// containers would have the same units.
var cgroups = []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"}

// newContainer makes a machine that is not booted yet; files are laid into it.
func newContainer(t *testing.T, tag, name, root string) *container {
	t.Helper()
	c := &container{name: name, tag: "nd" + tag + name, dir: t.TempDir()}
	for _, directory := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(filepath.Join(c.dir, directory), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "mount", "-t", "overlay", "overlay", "-o", fmt.Sprintf("lowerdir=%s,upperdir=%[2]s/upper,workdir=%[2]s/work", root, c.dir), c.root())
	t.Cleanup(func() { command(t, "umount", c.root()) })
	command(t, "ip", "netns", "add", c.tag)
	t.Cleanup(func() { command(t, "ip", "netns", "del", c.tag) })
	return c
}

func (c *container) root() string { return filepath.Join(c.dir, "root") }

// boot starts systemd and waits until it has started everything.
func (c *container) boot(t *testing.T) error {
	var enter strings.Builder
	for _, hierarchy := range existing(cgroups) {
		group := filepath.Join(hierarchy, c.tag)
		if err := os.MkdirAll(group, 0o755); err != nil {
			return err
		}
		t.Cleanup(func() { removeGroups(group) })
		fmt.Fprintf(&enter, "echo $$ >%s/cgroup.procs && ", group)
	}
	nspawn := exec.Command("sh", "-c", enter.String()+`exec "$@"`, "sh", "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no",
		"--console=read-only", "--directory="+c.root(), "--machine="+c.tag, "--hostname="+c.name, "--network-namespace-path=/run/netns/"+c.tag,
		// A router's machine: it may do with its network what it likes.
		"--capability=CAP_NET_ADMIN,CAP_BPF", "--system-call-filter=bpf", "--bind=/dev/net/tun", "systemd.unit=multi-user.target")
	nspawn.Env = append(os.Environ(), "SYSTEMD_NSPAWN_API_VFS_WRITABLE=network")
	nspawn.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	console, err := os.Create(filepath.Join(c.dir, "console"))
	if err != nil {
		return err
	}
	defer console.Close()
	nspawn.Stdout, nspawn.Stderr = console, console
	if err := nspawn.Start(); err != nil {
		return fmt.Errorf("%w (install the Debian package systemd-container)", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- nspawn.Wait() }()
	t.Cleanup(func() { c.shutDown(t, nspawn.Process.Pid, ended) })
	return retry(func() error {
		leader, err := child(nspawn.Process.Pid)
		if err != nil {
			return err
		}
		c.leader = leader
		out, err := c.try("systemctl is-system-running")
		if state := strings.TrimSpace(out); state != "running" && state != "degraded" {
			said, _ := os.ReadFile(console.Name())
			return fmt.Errorf("%s does not boot: %s %w\n%s", c.name, state, err, said)
		}
		return nil
	})
}

// shutDown powers the machine off, and kills it when it does not within the patience.
func (c *container) shutDown(t *testing.T, nspawn int, ended chan error) {
	if c.leader != 0 {
		_ = syscall.Kill(c.leader, syscall.Signal(34+4)) // SIGRTMIN+4: systemd(1), "powers off"
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Errorf("%s does not shut down", c.name)
		_ = syscall.Kill(-nspawn, syscall.SIGKILL)
		<-ended
	}
}

// try runs a shell command as root in the machine.
func (c *container) try(script string) (string, error) {
	inside := exec.Command("nsenter", "--target", fmt.Sprint(c.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wdns=/root", "/bin/sh", "-c", script)
	inside.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "TERM=dumb"}
	out, err := inside.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s# %s: %w\n%s", c.name, script, err, out)
	}
	return string(out), nil
}

// run runs a shell command that has to succeed.
func (c *container) run(t *testing.T, script string) string {
	t.Helper()
	out, err := c.try(script)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// write puts a file into the machine, as an editor would.
func (c *container) write(t *testing.T, path, content string) {
	t.Helper()
	inside := exec.Command("nsenter", "--target", fmt.Sprint(c.leader), "--mount", "--pid", "--root", "/bin/sh", "-c", `mkdir -p "$(dirname "$0")" && cat >"$0"`, path)
	inside.Stdin = strings.NewReader(content)
	if out, err := inside.CombinedOutput(); err != nil {
		t.Fatalf("%s: write %s: %v\n%s", c.name, path, err, out)
	}
}

// read is the content of a file in the machine.
func (c *container) read(t *testing.T, path string) string {
	t.Helper()
	return c.run(t, "cat "+path)
}

func existing(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		_, err := os.Stat(path)
		return err != nil
	})
}

// child is the first child of a process.
func child(pid int) (int, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", pid))
	if err != nil {
		return 0, err
	}
	var first int
	if _, err := fmt.Sscan(string(content), &first); err != nil {
		return 0, errors.New("systemd is not there yet")
	}
	return first, nil
}

// removeGroups removes a control group and those in it, from the innermost on.
func removeGroups(group string) {
	var all []string
	_ = filepath.WalkDir(group, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	for _, path := range slices.Backward(all) {
		_ = os.Remove(path)
	}
}

// command runs a program of this machine that has to succeed.
func command(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// await repeats f until it has no error.
func await(t *testing.T, what string, f func() error) {
	t.Helper()
	if err := retry(f); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func retry(f func() error) error {
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		if err := f(); err == nil || time.Now().After(end) {
			return err
		}
	}
}
