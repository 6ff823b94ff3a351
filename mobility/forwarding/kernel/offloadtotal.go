package kernel

import (
	"sync"

	"github.com/google/nftables"
)

// offloadTotal is how much was offloaded, for any goroutine.
type offloadTotal struct {
	table *nftables.Table

	mu   sync.Mutex
	conn *nftables.Conn       // of its own; nil after close
	last *nftables.CounterObj // as last read
}

// newOffloadTotal opens it, in the current network namespace.
func newOffloadTotal(table *nftables.Table) (*offloadTotal, error) {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return nil, explainOffload(err)
	}
	return &offloadTotal{table: table, conn: conn, last: &nftables.CounterObj{Table: table, Name: offloadCounter}}, nil
}

// read looks at the counter, if there is one.
func (o *offloadTotal) read() (packets, octets uint64) {
	c := o.begin()
	return c.Packets, c.Bytes
}

// begin is the counter as a new table is to have it.
func (o *offloadTotal) begin() *nftables.CounterObj {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.conn != nil {
		found, err := o.conn.GetObject(&nftables.CounterObj{Table: o.table, Name: offloadCounter})
		if c, ok := found.(*nftables.CounterObj); ok && err == nil {
			o.last = c
		}
	}
	return &nftables.CounterObj{Table: o.table, Name: offloadCounter, Packets: o.last.Packets, Bytes: o.last.Bytes}
}

func (o *offloadTotal) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.conn.CloseLasting()
	o.conn = nil
}
