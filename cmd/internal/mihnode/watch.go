package mihnode

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/mih/mihf"
)

const (
	// gather is how long changes are gathered before who waits for them is told: a burst makes one answer, and a watcher no more than a few
	// in a second.
	gather = 200 * time.Millisecond
	// maximumWatchers bounds the questions that wait at a time.
	maximumWatchers = 32
)

// watchers wait for changes of the links.
type watchers struct {
	incarnation uint64 // tells the revisions of this process from those of another one
	room        chan struct{}

	mu       sync.Mutex
	revision uint64
	news     chan struct{} // closed with the next revision
}

func newWatchers() *watchers {
	return &watchers{incarnation: uint64(time.Now().UnixMicro()), room: make(chan struct{}, maximumWatchers), news: make(chan struct{})}
}

// note is called by the machine's owner after each batch of events.
func (w *watchers) note(revision uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.revision != revision {
		w.revision = revision
		close(w.news)
		w.news = make(chan struct{})
	}
}

// wait returns when there is another revision than this one, or after as long as may be waited.
func (w *watchers) wait(ctx context.Context, revision uint64) error {
	select {
	case w.room <- struct{}{}:
		defer func() { <-w.room }()
	default:
		return errors.New("too many watch the links already: end one of them")
	}
	w.mu.Lock()
	news, isNew := w.news, w.revision != revision
	w.mu.Unlock()
	patience := time.NewTimer(api.LinkChangesWait)
	defer patience.Stop()
	if !isNew {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return nil
		case <-news:
		}
	}
	patience.Reset(gather)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return nil
	}
}

// linkChanges answers who watches the links.
func (n *Node) linkChanges(ctx context.Context, p daemon.Parameters) (any, error) {
	var after uint64
	if text := p.Text("after"); text != "" && p.Text("incarnation") == strconv.FormatUint(n.watchers.incarnation, 10) {
		var err error
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return nil, err
		}
		if p.Text("wait") == "true" {
			if err := n.watchers.wait(ctx, after); err != nil {
				return nil, err
			}
		}
	}
	var changes mihf.LinkChanges
	if err := n.Do(ctx, func(f *mihf.MIHF) { changes = f.LinkChanges(after) }); err != nil {
		return nil, err
	}
	answer := api.LinkChanges{
		Incarnation: n.watchers.incarnation, Revision: changes.Revision, Whole: changes.Whole, Links: n.linkRows(changes.Links), Gone: []api.LinkName{},
	}
	for _, id := range changes.Gone {
		answer.Gone = append(answer.Gone, api.LinkName{Station: id.Address.String(), Technology: id.Type.String()})
	}
	return answer, nil
}
