package experiments

import (
	"fmt"
	"strings"
	"time"

	"netlmm/testbed"
)

// scenario is how the gateways' access links are addressed.
type scenario struct {
	name    string
	own     bool // each gateway has a link-layer and a link-local address of its own
	visible bool // the host's interface loses its carrier while it moves
}

// The paper's two scenarios, and one of ours.
var (
	ownAddresses  = scenario{name: "own addresses per gateway", own: true}
	sameAddresses = scenario{name: "the same addresses everywhere"}
	ownVisible    = scenario{name: "own addresses, and the host sees its link go down", own: true, visible: true}
)

// linkAway is how long the link is down that the kernel is to see: it looks once a second.
const linkAway = 1500 * time.Millisecond

// options of a domain with one mobile node in such a scenario.
func (s scenario) options() testbed.Options {
	return testbed.Options{MobileNodes: 1, OwnAddresses: s.own}
}

// move takes the mobile node to the second gateway.
func (s scenario) move(mn *testbed.MobileNode) (testbed.Association, error) {
	if s.visible {
		return mn.MoveVisibly(testbed.NodeMAG2, linkAway)
	}
	return mn.Move(testbed.NodeMAG2)
}

// file is the scenario's part of a file name.
func (s scenario) file() string {
	switch {
	case s.visible:
		return "own-visible"
	case s.own:
		return "own"
	}
	return "same"
}

// moveWhenSure moves the host once it is sure of its router, and a while after that.
func (r *run) moveWhenSure(d *testbed.Domain, s scenario, watch *testbed.RouterWatch) (testbed.Association, error) {
	if err := r.confirmed(d, watch); err != nil {
		return testbed.Association{}, err
	}
	if err := r.wait(2 * time.Second); err != nil {
		return testbed.Association{}, err
	}
	return s.move(d.MobileNodes[0])
}

// confirmed waits until the host has found its router reachable (RFC 4861 section 7.3.3), as it has that of every connection that is in
// use. What a host does after a handover depends on it: it does not ask again before 15 to 45 seconds have passed.
func (r *run) confirmed(d *testbed.Domain, watch *testbed.RouterWatch) error {
	want := d.RouterAddress(testbed.NodeMAG1).String() + " REACHABLE"
	ok, err := r.until(60*time.Second, func() bool { return strings.Contains(watch.Now(), want) })
	if err == nil && !ok {
		err = fmt.Errorf("the host did not find its router reachable in 60 s; it believes: %s", watch.Now())
	}
	return err
}

// beliefs is a table of what the host's kernel thought of its default routers over time.
func beliefs(file string, s scenario, d *testbed.Domain, views []testbed.RouterView, moved time.Time) Table {
	names := map[string]string{}
	for _, mag := range []string{testbed.NodeMAG2, testbed.NodeMAG1} {
		names[d.RouterAddress(mag).String()] = mag
	}
	if !s.own {
		names[d.RouterAddress(testbed.NodeMAG1).String()] = "the router of the domain"
	}
	t := Table{File: file, Caption: "What the host's kernel believed of its default routers (" + s.name + ")", Columns: []string{"seconds after the move", "default routers and their state"}}
	for i, v := range views {
		if i+1 < len(views) && views[i+1].At.Before(moved) {
			continue
		}
		text := strings.ReplaceAll(v.Routers, "\n", ", ")
		for address, name := range names {
			text = strings.ReplaceAll(text, address, name)
		}
		t.Rows = append(t.Rows, []any{rounded(v.At.Sub(moved).Seconds(), 2), text})
	}
	return t
}
