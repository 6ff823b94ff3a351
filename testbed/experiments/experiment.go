package experiments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"netlmm/testbed"
)

// Settings are common to all experiments.
type Settings struct {
	Report   string        // folder for results and page
	Count    int           // handovers of each experiment that repeats them; 0: its own number
	Hosts    int           // of the crowd; 0: 100
	Patience time.Duration // longest that a stalled connection is waited for; 0: 150 s
	BinDir   string        // where the daemons are
	ID       string        // begins the names of the domains; "" takes the process id
	Progress io.Writer     // nil: none
}

// Experiment is one question that the testbed can answer.
type Experiment struct {
	Name     string
	Title    string
	Paper    string // which figure or table of the paper it repeats; "": ours
	Question string // what is asked, and how it is measured

	Count int // handovers, unless the settings say otherwise; 0: it does not repeat them
	run   func(*run) error
}

// All are the experiments, in the order in which the page tells them.
func All() []Experiment {
	return []Experiment{phases, udpThroughput, latency, tcp, tunnel, prepared, ipsecCost, firstUpdateLost, anchorRestart, crowd}
}

// Find returns the experiment of a name.
func Find(name string) (Experiment, error) {
	var names []string
	for _, x := range All() {
		if x.Name == name {
			return x, nil
		}
		names = append(names, x.Name)
	}
	return Experiment{}, fmt.Errorf("there is no experiment %q; there are %s", name, strings.Join(names, ", "))
}

// run is an experiment that is going on.
type run struct {
	ctx      context.Context
	settings Settings
	count    int
	folder   string
	result   *Result
	domains  int
}

// Do does the experiments and builds the page. One that fails does not stop the others; it is shown as failed, and the error says
// which. An interrupted ctx ends them all.
func Do(ctx context.Context, settings Settings, list ...Experiment) error {
	if settings.Hosts == 0 {
		settings.Hosts = 100
	}
	if settings.Patience == 0 {
		settings.Patience = 150 * time.Second
	}
	if settings.ID == "" {
		settings.ID = fmt.Sprint(os.Getpid())
	}
	if settings.Count < 0 || settings.Hosts < 1 || settings.Hosts > testbed.MaximumCrowd {
		return fmt.Errorf("count %d, hosts %d: 0 or more, and 1 to %d, please", settings.Count, settings.Hosts, testbed.MaximumCrowd)
	}
	var failed []string
	for i, x := range list {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted before %s", x.Name)
		}
		settings.progressf("experiment %s (%d of %d): %s", x.Name, i+1, len(list), x.Title)
		result, err := x.do(ctx, settings)
		if err != nil {
			return err
		}
		if result.Failure != "" {
			settings.progressf("experiment %s failed: %s", x.Name, result.Failure)
			failed = append(failed, x.Name)
		}
		if err := BuildPage(settings.Report); err != nil {
			return err
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d experiments failed: %s; %s says why", len(failed), len(list), strings.Join(failed, ", "), filepath.Join(settings.Report, PageFile))
	}
	return nil
}

// progressf tells the person who waits what happens now.
func (s Settings) progressf(format string, arguments ...any) {
	if s.Progress != nil {
		fmt.Fprintf(s.Progress, format+"\n", arguments...)
	}
}

// do does one experiment and stores its result. The error is of the storing; a failed experiment is a result.
func (x Experiment) do(ctx context.Context, settings Settings) (*Result, error) {
	r := &run{ctx: ctx, settings: settings, count: x.Count, folder: filepath.Join(settings.Report, x.Name)}
	if settings.Count > 0 {
		r.count = settings.Count
	}
	if err := os.RemoveAll(r.folder); err != nil { // what an earlier run left would be taken for this one's
		return nil, err
	}
	if err := os.MkdirAll(r.folder, 0o755); err != nil {
		return nil, err
	}
	begun := time.Now()
	r.result = &Result{Name: x.Name, Title: x.Title, Paper: x.Paper, Question: x.Question, When: begun.UTC().Truncate(time.Second)}
	if err := r.guarded(x.run); err != nil {
		r.result.Failure = err.Error()
	}
	r.result.Seconds = time.Since(begun).Round(time.Second).Seconds()
	return r.result, r.result.write(r.folder)
}

// guarded turns a panic of one experiment into its failure: the others still have something to say.
func (r *run) guarded(f func(*run) error) (err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			err = fmt.Errorf("panic: %v", recovered)
		}
	}()
	return f(r)
}

// domain builds a domain, has f do something in it, and takes it down whatever comes.
func (r *run) domain(o testbed.Options, f func(*testbed.Domain) error) (err error) {
	r.domains++
	o.ID, o.BinDir, o.Progress = fmt.Sprintf("%sx%d", r.settings.ID, r.domains), r.settings.BinDir, r.settings.Progress
	d, err := testbed.Up(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Down()) }()
	return f(d)
}

// inhabited is domain with its daemons running and its mobile nodes at home. They have no IPv4 address, which nothing here asks for.
func (r *run) inhabited(o testbed.Options, f func(*testbed.Domain) error) error {
	return r.domain(o, func(d *testbed.Domain) error {
		for _, step := range []func() error{d.StartDaemons, func() error { return r.environment(d) }, d.Associate} {
			if err := step(); err != nil {
				return err
			}
		}
		for _, mn := range d.MobileNodes {
			if _, err := mn.WaitAddress(30 * time.Second); err != nil {
				return err
			}
		}
		return f(d)
	})
}

// environment notes on what machine and how the experiment was done.
func (r *run) environment(d *testbed.Domain) error {
	e, err := d.Environment()
	if err == nil && !d.Options.Unprotected {
		r.result.Environment = e
	}
	return err
}

// wait lets the network run.
func (r *run) wait(pause time.Duration) error {
	select {
	case <-r.ctx.Done():
		return errors.New("interrupted")
	case <-time.After(pause):
		return nil
	}
}

// until looks every 20 ms whether something came about, as long as the patience lasts; false: it did not.
func (r *run) until(patience time.Duration, f func() bool) (bool, error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if f() {
			return true, nil
		}
		if err := r.wait(20 * time.Millisecond); err != nil {
			return false, err
		}
	}
	return f(), nil
}
