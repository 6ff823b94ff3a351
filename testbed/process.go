package testbed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that runs in a node's namespace, in a process group of its own, its output in a file.
type process struct {
	node, name string
	argv, env  []string
	command    *exec.Cmd
	exited     chan struct{} // closed when it has ended
}

// scheduler is what the domain's programs are started with. Each stands for a machine of its own, which has nothing else to
// do: the traffic generator and other work on this one shall not hold it up more than they must. Where real-time scheduling
// is not allowed, a low niceness does what it can.
var scheduler = sync.OnceValue(func() []string {
	realTime := []string{"chrt", "--rr", "10"}
	if exec.Command(realTime[0], append(realTime[1:], "true")...).Run() == nil {
		return realTime
	}
	return []string{"nice", "-n", "-10"}
})

// program finds an executable; missing names the Debian package to install.
func program(name, debianPackage string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, directory := range []string{"/usr/sbin", "/sbin", "/usr/local/sbin"} {
		if path, err := exec.LookPath(filepath.Join(directory, name)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; install it with: apt-get install %s", name, debianPackage)
}

// start runs argv in a node's namespace and keeps it under name.
func (d *Domain) start(node, name string, env []string, argv ...string) (*process, error) {
	p := &process{node: node, name: name, argv: argv, env: env}
	if err := d.launch(p); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.processes[node+"/"+name] = p
	return p, nil
}

// launch starts a process, or starts it again after it ended.
func (d *Domain) launch(p *process) error {
	log, err := os.OpenFile(d.Path(p.node, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	argv := slices.Concat(scheduler(), []string{"ip", "netns", "exec", d.Namespace(p.node)}, p.argv)
	c := exec.Command(argv[0], argv[1:]...)
	c.Stdout, c.Stderr = log, log
	c.Env = append(os.Environ(), p.env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start %s in %s: %w", p.name, p.node, err)
	}
	exited := make(chan struct{})
	go func() {
		_ = c.Wait() // how it ended shows in its log
		close(exited)
	}()
	d.mu.Lock()
	defer d.mu.Unlock()
	p.command, p.exited = c, exited
	return nil
}

// running says whether the process has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// signal sends a signal to the process and its children.
func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.command.Process.Pid, s) // ESRCH: it is gone already
}

// stop asks the process to end, and kills it when it does not within the grace.
func (p *process) stop(grace time.Duration) {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(grace):
		p.signal(syscall.SIGKILL)
		<-p.exited
	}
}

// process returns a started process by node and name.
func (d *Domain) process(node, name string) (*process, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p, ok := d.processes[node+"/"+name]; ok {
		return p, nil
	}
	return nil, fmt.Errorf("no %s was started in %s", name, node)
}

// tail is the end of a process's output, for error messages.
func (d *Domain) tail(node, name string) string {
	content, err := os.ReadFile(d.Path(node, name+".log"))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) > 12 {
		lines = lines[len(lines)-12:]
	}
	return strings.Join(lines, "\n")
}

// execute runs a short command in a node's namespace and returns its standard output.
func (d *Domain) execute(node string, env []string, argv ...string) (string, error) {
	c := exec.Command("ip", append([]string{"netns", "exec", d.Namespace(node)}, argv...)...)
	c.Env = append(os.Environ(), env...)
	out, err := c.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return string(out), fmt.Errorf("in %s: %s: %w: %s%s", node, strings.Join(argv, " "), err, failed.Stderr, out)
		}
		return string(out), fmt.Errorf("in %s: %s: %w", node, strings.Join(argv, " "), err)
	}
	return string(out), nil
}

// startPatience is for what must come about before anything is measured; nothing depends on how long it takes.
const startPatience = 60 * time.Second

// poll calls f until it reports true, an error, or the patience is over.
func poll(patience time.Duration, what string, f func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		done, err := f()
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not within %s", what, patience)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
