package kernel

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// What could not be deleted is tried again, and said until it succeeds.
func TestFlowsOfMarksAreDeletedInTheEnd(t *testing.T) {
	attempts, deleted := 0, make(chan uint32, 10)
	f := startFlows(func(mark uint32) error {
		if attempts++; attempts < 4 {
			return errors.New("not now")
		}
		deleted <- mark
		return nil
	}, time.Millisecond)
	f.forget(1)
	f.forget(2)
	got := []uint32{<-deleted, <-deleted}
	if slices.Sort(got); !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("deleted %v", got)
	}
	f.stop()
	if w, ok := f.warning(); ok {
		t.Errorf("in the end there is a warning: %s", w)
	}
	f = startFlows(func(uint32) error { return errors.New("never") }, time.Hour)
	f.forget(1)
	f.forget(2)
	f.stop()
	if _, ok := f.warning(); !ok {
		t.Error("nothing says that flows are left")
	}
}

// What is kept is not deleted any more, also while others are being deleted.
func TestFlowsOfMarksAreKept(t *testing.T) {
	const marks = 50
	var kept [marks]bool // of those for which keep came back, which is not before a deletion of the mark has ended
	f := startFlows(func(mark uint32) error {
		if kept[mark] {
			t.Errorf("flows of mark %d are deleted although it was kept", mark)
		}
		time.Sleep(time.Millisecond)
		return nil
	}, time.Hour)
	for m := range uint32(marks) {
		f.forget(m)
	}
	for m := range uint32(marks) {
		f.keep(m)
		kept[m] = true
	}
	f.stop()
}

// Linux may take its time: who has nothing to do with what is being deleted does not wait for it.
func TestFlowsOfOtherMarksDoNotWait(t *testing.T) {
	begun, end := make(chan uint32), make(chan struct{})
	f := startFlows(func(mark uint32) error {
		begun <- mark
		<-end
		return nil
	}, time.Hour)
	f.forget(1)
	if mark := <-begun; mark != 1 {
		t.Errorf("mark %d is deleted", mark)
	}
	f.forget(2) // each would wait for ever
	f.keep(2)
	f.forget(3)
	kept := make(chan struct{})
	go func() {
		f.keep(1)
		close(kept)
	}()
	select {
	case <-kept:
		t.Error("a mark is kept in the middle of its deletion")
	default:
	}
	close(end)
	<-kept
	if mark := <-begun; mark != 3 {
		t.Errorf("mark %d is deleted", mark)
	}
	f.stop()
}
