package kernel

import (
	"fmt"
	"sync"

	"github.com/google/nftables"
)

// offloadTotal is how much was offloaded, and refused, for any goroutine.
type offloadTotal struct {
	mu   sync.Mutex
	conn *nftables.Conn                  // of its own; nil after close
	last map[string]*nftables.CounterObj // as last read
}

// newOffloadTotal opens it, in the current network namespace.
func newOffloadTotal(table *nftables.Table) (*offloadTotal, error) {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, explainOffload(err)
	}
	o := &offloadTotal{conn: conn, last: map[string]*nftables.CounterObj{}}
	for _, name := range []string{offloadCounter, offloadRefused} {
		o.last[name] = &nftables.CounterObj{Table: table, Name: name}
	}
	return o, nil
}

// read looks at a counter, if there is one.
func (o *offloadTotal) read(name string) (packets, octets uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.look(name)
	return o.last[name].Packets, o.last[name].Bytes
}

// look reads a counter. The caller has the lock.
func (o *offloadTotal) look(name string) {
	if o.conn == nil {
		return
	}
	found, err := o.conn.GetObject(&nftables.CounterObj{Table: o.last[name].Table, Name: name})
	if c, ok := found.(*nftables.CounterObj); ok && err == nil {
		o.last[name] = c
	}
}

// begin is the counters as a new table is to have them.
func (o *offloadTotal) begin() (counters []*nftables.CounterObj) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for name, last := range o.last {
		o.look(name)
		counters = append(counters, &nftables.CounterObj{Table: last.Table, Name: name, Packets: o.last[name].Packets, Bytes: o.last[name].Bytes})
	}
	return counters
}

// warning says what is wrong, for operators.
func (o *offloadTotal) warning() (string, bool) {
	packets, _ := o.read(offloadRefused)
	return fmt.Sprintf("%d packets were dropped that would have begun an offloaded flow beyond the %d that a mobile node has at most", packets, maximumFlows), packets > 0
}

func (o *offloadTotal) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.conn.CloseLasting()
	o.conn = nil
}
