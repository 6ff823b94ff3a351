package namespace

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestCurrent: a thread of the process's namespace needs no word, one elsewhere is told where.
func TestCurrent(t *testing.T) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		space, err := Current()
		if err != nil || space.FD() != 0 || space.Close() != nil {
			t.Errorf("the process's own: %d, %v", space.FD(), err)
		}
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Errorf("%v (run as root)", err)
			return
		}
		if space, err = Current(); err != nil || space.FD() == 0 {
			t.Errorf("another one: %d, %v", space.FD(), err)
		}
		if err := unix.Setns(space.FD(), unix.CLONE_NEWNET); err != nil {
			t.Error(err)
		}
		if err := space.Close(); err != nil {
			t.Error(err)
		}
	}()
	<-done
}
