package filter

import (
	"context"
	"errors"

	"github.com/google/nftables"
)

// Watch calls changed once it listens to the kernel's notifications, and then after every change that anybody makes to the
// table, our own included. It returns nil when ctx ends, and an error when notifications were lost or cannot be had: the
// caller listens anew. changed must not block for long, or the kernel loses patience and notifications are lost.
func (f *Filter) Watch(ctx context.Context, changed func()) error {
	conn, err := f.dial()
	if err != nil {
		return err
	}
	monitor := nftables.NewMonitor()
	events, err := conn.AddMonitor(monitor)
	if err != nil {
		return explain("listen to changes of the packet filter", err)
	}
	defer func() {
		_ = monitor.Close()
		for range events { // the library's goroutines end only when nothing of theirs is left to be taken
		}
	}()
	changed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-events:
			switch {
			case !open:
				return errors.New("filter: the kernel's notifications ended")
			case event.Type == nftables.MonitorEventTypeOOB:
				return explain("listen to changes of the packet filter", event.Error)
			case f.concerns(event):
				changed()
			}
		}
	}
}

// concerns also says so of what the library could not read.
func (f *Filter) concerns(event *nftables.MonitorEvent) bool {
	if event.Error != nil {
		return true
	}
	table := &nftables.Table{}
	switch data := event.Data.(type) {
	case *nftables.Table:
		table = data
	case *nftables.Chain:
		table = data.Table
	case *nftables.Rule:
		table = data.Table
	}
	return table == nil || table.Name == f.table.Name && table.Family == f.table.Family
}
