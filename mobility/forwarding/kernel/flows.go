package kernel

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/nftables/binaryutil"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ctaMarkMask is CTA_MARK_MASK of include/uapi/linux/netfilter/nfnetlink_conntrack.h.
const ctaMarkMask = 21

// flowsRetryPause is how long after a failure the deletion of flows is tried again.
const flowsRetryPause = 5 * time.Second

// flows deletes flows that are nobody's any more, beside whoever asks for it: Linux goes through all flows for it. What comes back of
// them is dropped with or without that (offload.go); but a new one with the same addresses and ports would be taken for the old one.
type flows struct {
	socket *nl.SocketHandle
	handle *netlink.Handle
	delete func(mark uint32) error
	pause  time.Duration
	wake   chan struct{}
	done   chan struct{}
	err    atomic.Pointer[error] // of the last attempt

	mu       sync.Mutex
	marks    map[uint32]struct{} // to be deleted
	deleting *uint32             // the one that is being deleted
	deleted  *sync.Cond          // it is not any more
}

// newFlows opens it, in the current network namespace.
func newFlows() (*flows, error) {
	s, err := socket(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open a socket to connection tracking: %w", err)
	}
	handle, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		s.Close()
		return nil, fmt.Errorf("open a socket to connection tracking: %w", err)
	}
	f := startFlows(func(mark uint32) error { return deleteFlows(s, mark) }, flowsRetryPause)
	f.socket, f.handle = s, handle
	return f, nil
}

func startFlows(remove func(mark uint32) error, pause time.Duration) *flows {
	f := &flows{delete: remove, pause: pause, wake: make(chan struct{}, 1), done: make(chan struct{}), marks: map[uint32]struct{}{}}
	f.deleted = sync.NewCond(&f.mu)
	go f.run()
	return f
}

// forget deletes the flows with a mark, soon. There is one mark at most for each home address that went meanwhile.
func (f *flows) forget(mark uint32) {
	f.mu.Lock()
	f.marks[mark] = struct{}{}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default: // it is awake
	}
}

// keep is the opposite, of a mark that a home address is about to have again. Nothing that it has from then on is deleted; so it waits for a
// deletion of this mark, and for no other.
func (f *flows) keep(mark uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.deleting != nil && *f.deleting == mark {
		f.deleted.Wait()
	}
	delete(f.marks, mark)
}

func (f *flows) run() {
	defer close(f.done)
	for open, failed := true, false; open; failed = !f.deleteAll() {
		var again <-chan time.Time
		if failed {
			again = time.After(f.pause)
		}
		select {
		case _, open = <-f.wake:
		case <-again:
		}
	}
}

// deleteAll deletes what is to be deleted up to the first failure, which is none of the mark's.
func (f *flows) deleteAll() bool {
	for more, err := true, error(nil); more; {
		if more, err = f.deleteOne(); err != nil {
			return false
		}
	}
	return true
}

// deleteOne says whether there was something to delete.
func (f *flows) deleteOne() (more bool, err error) {
	mark, remove, more := f.take()
	if !more {
		return false, nil
	}
	err = remove(mark)
	f.err.Store(&err)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deleting = nil; err == nil {
		delete(f.marks, mark)
	}
	f.deleted.Broadcast()
	return true, err
}

// take is one of the marks, whose deletion begins, and what deletes it.
func (f *flows) take() (mark uint32, remove func(mark uint32) error, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for mark = range f.marks {
		f.deleting = &mark
		return mark, f.delete, true
	}
	return 0, nil, false
}

func deleteFlows(socket *nl.SocketHandle, mark uint32) error {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|nl.IPCTNL_MSG_CT_DELETE, unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: socket}
	req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_INET, Version: nl.NFNETLINK_V0})
	req.AddData(nl.NewRtAttr(nl.CTA_MARK, binaryutil.BigEndian.PutUint32(mark)))
	req.AddData(nl.NewRtAttr(ctaMarkMask, binaryutil.BigEndian.PutUint32(flowMask)))
	_, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	return err
}

// byMarks is the flows with one of some marks.
type byMarks map[uint32]int

// MatchConntrackFlow implements netlink.CustomConntrackFilter.
func (b byMarks) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	_, ok := b[flow.Mark&flowMask]
	return ok
}

// deleteAtOnce deletes the flows with any of marks, and returns when it is done.
func (f *flows) deleteAtOnce(marks map[uint32]int) error {
	if len(marks) == 0 {
		return nil
	}
	if _, err := f.handle.ConntrackDeleteFilters(netlink.ConntrackTable, unix.AF_INET, byMarks(marks)); err != nil {
		return fmt.Errorf("delete offloaded flows: %w (needs CONFIG_NF_CT_NETLINK, module nf_conntrack_netlink)", err)
	}
	return nil
}

// warning says what is wrong, for operators.
func (f *flows) warning() (string, bool) {
	if err := f.err.Load(); err != nil && *err != nil {
		return fmt.Sprintf("offloaded flows of mobile nodes that left are kept until they are silent for long enough: delete them: %v "+
			"(needs CONFIG_NF_CT_NETLINK, module nf_conntrack_netlink)", *err), true
	}
	return "", false
}

func (f *flows) close() {
	f.stop()
	f.socket.Close()
	f.handle.Close()
}

// stop tries once more what is left.
func (f *flows) stop() {
	close(f.wake)
	<-f.done
}
