package mihnode

import (
	"strconv"
	"testing"

	"netlmm/cmd/internal/api"
)

func TestLinkChanges(t *testing.T) {
	sap := newAccessPoint(1)
	b := run(t, "ap", ap6, nil, sap)
	eventually(t, "station 1 known", func() bool { return len(links(b)) == 1 })
	ask := func(after api.LinkChanges) api.LinkChanges {
		t.Helper()
		return must[api.LinkChanges](b, api.PathLinkChanges, "wait", "true",
			"incarnation", strconv.FormatUint(after.Incarnation, 10), "after", strconv.FormatUint(after.Revision, 10))
	}
	first := ask(api.LinkChanges{})
	if !first.Whole || len(first.Links) != 1 || first.Links[0].State != "up" || first.Revision == 0 {
		t.Fatalf("%+v", first)
	}
	answer := make(chan api.LinkChanges, 1)
	go func() { answer <- ask(first) }()
	for i := range 100 { // while it is asked, and after: one answer or two have all of it
		sap.up(2 + i)
	}
	last := <-answer
	got := len(last.Links)
	for got < 100 {
		last = ask(last)
		got += len(last.Links)
	}
	if last.Whole || got != 100 {
		t.Errorf("%d changes of 100: %+v", got, last)
	}
	sap.down(1)
	if down := ask(last); len(down.Links) != 1 || down.Links[0].State != "down" {
		t.Errorf("%+v", down)
	}
	if other := ask(api.LinkChanges{Incarnation: 7, Revision: last.Revision}); !other.Whole || len(other.Links) != 101 {
		t.Errorf("after another daemon's answer: %d links, whole %v", len(other.Links), other.Whole)
	}
	if _, err := query[api.LinkChanges](b, api.PathLinkChanges, "incarnation", strconv.FormatUint(first.Incarnation, 10), "after", "x"); err == nil {
		t.Error("a revision that is no number is taken")
	}
}

func TestWatchersAreBounded(t *testing.T) {
	w := newWatchers()
	for range maximumWatchers {
		w.room <- struct{}{}
	}
	if err := w.wait(t.Context(), 0); err == nil {
		t.Error("one more may wait")
	}
	<-w.room
	w.note(1)
	if err := w.wait(t.Context(), 0); err != nil {
		t.Error(err)
	}
}
