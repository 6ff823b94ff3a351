//go:build packages

package packaging

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDeploy follows docs/deploy.md literally, on machines of its own, and then looks closer at what runs there.
func TestDeploy(t *testing.T) {
	steps, err := readDocument("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.newer(t)
	for _, step := range steps {
		began := time.Now()
		s.follow(t, step)
		t.Logf("deploy.md:%d: %.1f s", step.line, time.Since(began).Seconds())
	}
	t.Run("confinement", s.confinement)
	t.Run("reload", s.reload)
	t.Run("least capabilities", s.leastCapabilities)
	t.Run("watchdog", s.watchdog)
	t.Run("mihd", s.accessPoint)
	t.Run("removal", s.removal)
}

// newer lays a newer version of lmad into /root/newer of the machines: the same files with another version.
func (s *site) newer(t *testing.T) {
	t.Helper()
	work := t.TempDir()
	for _, file := range built(t) {
		if !strings.Contains(file, "netlmm-lmad_") {
			continue
		}
		command(t, "dpkg-deb", "-R", file, work+"/p")
		command(t, "sed", "-i", "s/^Version: .*/&+newer/", work+"/p/DEBIAN/control")
		command(t, "dpkg-deb", "-Znone", "--build", work+"/p", filepath.Join(work, filepath.Base(file)))
		for _, c := range s.containers {
			c.run(t, "mkdir -p /root/newer")
			command(t, "cp", filepath.Join(work, filepath.Base(file)), filepath.Join(c.root(), "root/newer/"))
		}
		command(t, "rm", "-r", work+"/p")
	}
}

// follow does what one step of the document says.
func (s *site) follow(t *testing.T, step step) {
	t.Helper()
	where := fmt.Sprintf("deploy.md:%d", step.line)
	if step.action != nil {
		s.act(t, where, step.action)
		return
	}
	for _, host := range step.hosts {
		c, known := s.containers[host]
		switch {
		case !known:
			t.Fatalf("%s: there is no machine %q", where, host)
		case step.file != "":
			c.write(t, step.file, step.content)
		default:
			c.expect(t, where, step)
		}
	}
}

// act does what a comment says.
func (s *site) act(t *testing.T, where string, words []string) {
	t.Helper()
	switch {
	case len(words) == 3 && words[0] == "copy":
		from, source, _ := strings.Cut(words[1], ":")
		to, target, _ := strings.Cut(words[2], ":")
		s.containers[to].write(t, target, s.containers[from].read(t, source))
	case len(words) == 4 && words[0] == "carry" && words[1] == "laptop" && words[2] == "to":
		s.carry(t, words[3])
	default:
		t.Fatalf("%s: nobody knows how to %q", where, words)
	}
}

// expect runs a command. What it prints may come about after a while, as with a person who looks again; a command that promises
// everything, "...", or nothing is run once.
func (c *container) expect(t *testing.T, where string, step step) {
	t.Helper()
	if len(step.output) == 0 || len(step.output) == 1 && step.output[0] == "..." || strings.Contains(step.command, "apt-get") {
		out := c.run(t, step.command)
		if !matches(append(step.output, "..."), out) {
			t.Fatalf("%s: %s prints\n%s\nwant\n%s", where, step.command, out, strings.Join(step.output, "\n"))
		}
		return
	}
	await(t, where+": "+c.name+"# "+step.command, func() error {
		out, err := c.try(step.command)
		if err == nil && !matches(step.output, out) {
			err = errors.New("prints\n" + out + "\nwant\n" + strings.Join(step.output, "\n"))
		}
		return err
	})
}
