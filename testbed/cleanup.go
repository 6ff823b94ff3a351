package testbed

import (
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

// owner is what the run directory tells of the process that answers for a domain, so that a later `testbed down` knows
// whether that process still lives. The start time guards against a process id that was given again.
type owner struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // field 22 of /proc/PID/stat
}

// writeOwner notes who answers for the domain.
func (d *Domain) writeOwner(pid int) error {
	content, err := json.Marshal(owner{PID: pid, Started: processStart(pid)})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.Dir, "owner.json"), content, 0o600)
}

// Abandon leaves the domain running when this process ends; Down in another process ends it.
func (d *Domain) Abandon() error { return d.writeOwner(0) }

// processStart is the start time of a process in clock ticks, "" when there is none.
func processStart(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// the second field is the program's name in parentheses and may hold spaces
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return ""
	}
	return fields[19]
}

// Down ends every process of the domain and removes its namespaces and files. It may be called again.
func (d *Domain) Down() error {
	for _, ap := range d.AccessPoints {
		ap.close()
	}
	for _, mn := range d.MobileNodes {
		if mn.radio != nil {
			mn.radio.Close()
		}
	}
	d.mu.Lock()
	processes := make([]*process, 0, len(d.processes))
	for _, p := range d.processes {
		processes = append(processes, p)
	}
	d.mu.Unlock()
	for _, p := range processes {
		p.signal(syscall.SIGCONT)
		p.signal(syscall.SIGTERM)
	}
	deadline := time.After(3 * time.Second)
	for _, p := range processes {
		select {
		case <-p.exited:
		case <-deadline:
			p.signal(syscall.SIGKILL)
			<-p.exited
		}
	}
	return remove(d.ID)
}

// remove takes away whatever carries a domain's name: processes in its namespaces, the namespaces, the run directory.
func remove(id string) error {
	found, err := filepath.Glob(filepath.Join(namespaceRunPath, namespacePrefix+id+"-*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range found {
		name := filepath.Base(path)
		if err := killInside(name); err != nil {
			errs = append(errs, err)
		}
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("remove namespace %s: %w: %s", name, err, out))
		}
	}
	errs = append(errs, os.RemoveAll(filepath.Join(runDirectory, id)))
	_ = os.Remove(runDirectory) // only when it is empty now
	return errors.Join(errs...)
}

// killInside kills the processes that still run in a namespace, this one excepted.
func killInside(namespace string) error {
	out, err := exec.Command("ip", "netns", "pids", namespace).Output()
	if err != nil {
		return fmt.Errorf("processes of namespace %s: %w", namespace, err)
	}
	for _, field := range strings.Fields(string(out)) {
		if pid, err := strconv.Atoi(field); err == nil && pid != os.Getpid() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return nil
}

// Domains lists the domains of this machine, running or left behind, and whether the process that answers for it lives.
func Domains() (map[string]bool, error) {
	entries, err := os.ReadDir(runDirectory)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	domains := map[string]bool{}
	for _, entry := range entries {
		var o owner
		content, err := os.ReadFile(filepath.Join(runDirectory, entry.Name(), "owner.json"))
		if err == nil {
			err = json.Unmarshal(content, &o)
		}
		domains[entry.Name()] = err == nil && o.PID != 0 && processStart(o.PID) == o.Started
	}
	return domains, nil
}

// Down takes down one domain that this process does not hold, by id.
func Down(id string) error {
	domains, err := Domains()
	if err != nil {
		return err
	}
	owned, exists := domains[id]
	if !exists {
		return fmt.Errorf("there is no domain %q", id)
	}
	if owned {
		return fmt.Errorf("domain %q belongs to a testbed that is running; interrupt that one instead", id)
	}
	return remove(id)
}
