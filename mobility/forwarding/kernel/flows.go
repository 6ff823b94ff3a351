package kernel

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/nftables/binaryutil"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ctaMarkMask is CTA_MARK_MASK of include/uapi/linux/netfilter/nfnetlink_conntrack.h.
const ctaMarkMask = 21

// flows deletes flows that are nobody's any more, beside whoever asks for it: Linux goes through all flows for it. What comes back of
// them is dropped with or without that (offload.go); but a new one with the same addresses and ports would be taken for the old one.
type flows struct {
	socket *nl.SocketHandle
	wake   chan struct{}
	done   chan struct{}
	err    atomic.Pointer[error] // of the last attempt

	mu    sync.Mutex
	marks map[uint32]struct{} // to be deleted
}

// newFlows opens it, in the current network namespace.
func newFlows() (*flows, error) {
	s, err := socket(unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open a socket to connection tracking: %w", err)
	}
	f := &flows{socket: s, wake: make(chan struct{}, 1), done: make(chan struct{}), marks: map[uint32]struct{}{}}
	go f.run()
	return f, nil
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

// keep is the opposite, of a mark that a home address has again.
func (f *flows) keep(mark uint32) {
	f.mu.Lock()
	delete(f.marks, mark)
	f.mu.Unlock()
}

func (f *flows) run() {
	defer close(f.done)
	for range f.wake {
		f.mu.Lock()
		marks := f.marks
		f.marks = map[uint32]struct{}{}
		f.mu.Unlock()
		for m := range marks {
			err := f.delete(m)
			f.err.Store(&err)
		}
	}
}

func (f *flows) delete(mark uint32) error {
	req := nl.NewNetlinkRequest(unix.NFNL_SUBSYS_CTNETLINK<<8|nl.IPCTNL_MSG_CT_DELETE, unix.NLM_F_ACK)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_NETFILTER: f.socket}
	req.AddData(&nl.Nfgenmsg{NfgenFamily: unix.AF_INET, Version: nl.NFNETLINK_V0})
	req.AddData(nl.NewRtAttr(nl.CTA_MARK, binaryutil.BigEndian.PutUint32(mark)))
	req.AddData(nl.NewRtAttr(ctaMarkMask, binaryutil.BigEndian.PutUint32(flowMask)))
	_, err := req.Execute(unix.NETLINK_NETFILTER, 0)
	return err
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
	close(f.wake)
	<-f.done
	f.socket.Close()
}
