package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"netlmm/cmd/internal/api"
)

const linksHelp = `Stations that link SAPs here and other MIH Functions reported, whatever the technology. With --watch they are shown live: the table
is drawn anew when something changes, with + before a station that came, ! before one that changed and - before one that is
forgotten; with --json each change is an object on a line of its own.`

// retryInterval lies between two tries to reach a daemon that is gone.
const retryInterval = time.Second

// links makes a command that shows the stations.
func links(o *options, short string) *cobra.Command {
	watch := false
	cmd := &cobra.Command{
		Use: "links", Short: short, Long: linksHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !watch {
				return show(cmd.Context(), o, api.PathLinks, printLinks)
			}
			w := watcher{o: o, client: api.NewClient(o.socketPath()), complain: cmd.ErrOrStderr(), terminal: isTerminal(o.out), links: map[api.LinkName]api.Link{}}
			return w.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show them live, until interrupted")
	return cmd
}

// watcher shows the stations live.
type watcher struct {
	o        *options
	client   *api.Client
	complain io.Writer
	terminal bool

	last  api.LinkChanges
	links map[api.LinkName]api.Link
}

// linkChange is one change, as JSON.
type linkChange struct {
	At     time.Time `json:"at"`
	Change string    `json:"change"` // "present" at the beginning, then "new", "changed" or "gone"
	Link   api.Link  `json:"link"`
}

var marks = map[string]string{"new": "+", "changed": "!", "gone": "-"}

// run shows changes until ctx ends. A daemon that goes away is waited for, once it was there.
func (w *watcher) run(ctx context.Context) error {
	for lost := false; ; {
		answer, err := w.client.LinkChanges(ctx, w.last)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && w.last.Incarnation == 0:
			return err
		case err != nil:
			if !lost {
				fmt.Fprintf(w.complain, "%v; trying again\n", err)
			}
			lost = true
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(retryInterval):
			}
			continue
		}
		lost = false
		first := w.last.Incarnation == 0
		w.last = answer
		changes := w.take(time.Now(), answer, first)
		w.last.Links, w.last.Gone = nil, nil
		if w.o.json {
			err = w.printLines(changes)
		} else {
			err = w.draw(changes)
		}
		if err != nil {
			return err
		}
	}
}

// take brings the stations up to date, and says what changed, ordered by station.
func (w *watcher) take(now time.Time, answer api.LinkChanges, first bool) (changes []linkChange) {
	note := func(change string, l api.Link) { changes = append(changes, linkChange{now, change, l}) }
	here := map[api.LinkName]api.Link{}
	for _, l := range answer.Links {
		here[l.Name()] = l
	}
	gone := answer.Gone
	if answer.Whole {
		for name := range w.links {
			if _, still := here[name]; !still {
				gone = append(gone, name)
			}
		}
	}
	for _, name := range gone {
		l, known := w.links[name]
		if _, anew := here[name]; known && !anew {
			note("gone", l)
		}
		delete(w.links, name)
	}
	for name, l := range here {
		before, known := w.links[name]
		switch {
		case first:
			note("present", l)
		case !known:
			note("new", l)
		case before != l:
			note("changed", l)
		}
		w.links[name] = l
	}
	slices.SortStableFunc(changes, func(a, b linkChange) int { return byName(a.Link, b.Link) })
	return changes
}

func byName(a, b api.Link) int {
	return cmp.Or(cmp.Compare(a.Station, b.Station), cmp.Compare(a.Technology, b.Technology))
}

func (w *watcher) printLines(changes []linkChange) error {
	encoder := json.NewEncoder(w.o.out)
	for _, c := range changes {
		if err := encoder.Encode(c); err != nil {
			return err
		}
	}
	return nil
}

// draw draws the table anew. On a terminal it takes the place of the one before, and without changes too, for what it says of ages.
func (w *watcher) draw(changes []linkChange) error {
	if w.terminal {
		fmt.Fprint(w.o.out, "\x1b[H\x1b[2J") // home, and clear
	} else if len(changes) == 0 {
		return nil
	}
	rows := maps.Clone(w.links)
	mark := map[api.LinkName]string{}
	for _, c := range changes {
		name := c.Link.Name()
		mark[name] = marks[c.Change]
		if _, here := rows[name]; !here {
			rows[name] = c.Link
		}
	}
	list := slices.SortedFunc(maps.Values(rows), byName)
	up := 0
	for _, l := range list {
		if l.State != "down" && mark[l.Name()] != "-" {
			up++
		}
	}
	_, err := fmt.Fprintf(w.o.out, "%s: %d stations, %d up\n", time.Now().Format("15:04:05"), len(w.links), up)
	tableOfLinks(w.o.out, list, func(l api.Link) string { return mark[l.Name()] })
	return err
}

// isTerminal says whether what is written is seen by a person at once.
func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
