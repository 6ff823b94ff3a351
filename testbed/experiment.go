package testbed

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// HandoverExperiment moves both mobile nodes there and back under traffic.
type HandoverExperiment struct {
	Count   int           // moves of each mobile node in each direction
	Rate    int           // packets a second from the correspondent to each mobile node
	Settle  time.Duration // time between two moves of different nodes; default 400 ms
	Capture string        // pcap file of the core link's signalling; "" for none
}

// moved is one handover as the testbed saw it.
type moved struct {
	mn   *MobileNode
	from string
	Association
	authentication string    // how it was let in; "" without Wi-Fi
	end            time.Time // the next move of the same node, or the end of the run
}

// traffic is what runs between the correspondent and one mobile node.
type traffic struct {
	mn           *MobileNode
	address      netip.Addr
	flow         *Flow
	conversation *Conversation

	address4      netip.Addr // IPv4
	conversation4 *Conversation
}

// resumePatience bounds how long a move waits for the traffic of the one before.
const resumePatience = 20 * time.Second

// RunHandovers does the experiment in a domain that Up built: it starts the daemons, lets the mobile nodes come in, and
// moves them. An interrupted ctx ends it with an error. What the domain did wrong stands in the report, not in the error.
func (d *Domain) RunHandovers(ctx context.Context, x HandoverExperiment) (report *Report, err error) {
	if x.Count < 1 {
		return nil, fmt.Errorf("count %d: at least 1, please", x.Count)
	}
	if x.Settle == 0 {
		x.Settle = 400 * time.Millisecond
	}
	capture, err := d.StartCapture(x.Capture)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, capture.close()) }()
	if err := d.ComeIn(ctx); err != nil {
		return nil, err
	}
	running, err := d.startTraffic(x.Rate)
	defer stopTraffic(running)
	if err != nil {
		return nil, err
	}
	moves, err := d.moveAll(ctx, x, running)
	if err != nil {
		return nil, err
	}
	return d.assemble(moves, running, capture)
}

// ComeIn starts the daemons and the supplicants and waits until each mobile node has an address.
func (d *Domain) ComeIn(ctx context.Context) error {
	d.Progressf("lmad and magd")
	if err := d.StartDaemons(); err != nil {
		return err
	}
	return d.letIn(ctx)
}

// letIn starts the supplicants and the DHCP clients in a domain whose daemons run, and waits until each mobile node has its
// addresses.
func (d *Domain) letIn(ctx context.Context) error {
	d.Progressf("mobile nodes authenticate and configure their addresses")
	if err := d.Associate(); err != nil {
		return err
	}
	for _, mn := range d.MobileNodes {
		if d.Options.Trigger == TriggerSyslog {
			if err := d.SendSyslog(mn.At(), ciscoAssociation(mn.MAC, time.Now())); err != nil {
				return err
			}
		}
		if d.Options.Trigger == TriggerND {
			if err := mn.flap(); err != nil {
				return err
			}
		}
		address, err := mn.waitAddress(ctx, startPatience)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", ctx.Err())
		}
		if err != nil {
			return fmt.Errorf("%w\nmagd of %s says:\n%s\nlmad says:\n%s", err, mn.At(), d.tail(mn.At(), "magd"), d.tail(NodeLMA, "lmad"))
		}
		if err := mn.startDHCPClient(); err != nil {
			return err
		}
		address4, err := mn.WaitIPv4Address(startPatience)
		if err != nil {
			return fmt.Errorf("%w\nmagd of %s says:\n%s", err, mn.At(), d.tail(mn.At(), "magd"))
		}
		d.Progressf("%s has %s and %s", mn.ID, address, address4)
	}
	return nil
}

// startTraffic opens the flows and TCP connections. What it started is returned also with an error.
func (d *Domain) startTraffic(rate int) (running []*traffic, err error) {
	for n, mn := range d.MobileNodes {
		address, err := mn.WaitAddress(startPatience)
		if err != nil {
			return running, err
		}
		t := &traffic{mn: mn, address: address}
		running = append(running, t)
		if t.conversation, err = d.StartConversation(mn, address, n, conversationInterval(rate)); err != nil {
			return running, err
		}
		if t.address4, err = mn.WaitIPv4Address(startPatience); err != nil {
			return running, err
		}
		if t.conversation4, err = d.StartConversation(mn, t.address4, n, conversationInterval(rate)); err != nil {
			return running, err
		}
		if t.flow, err = d.StartFlow(mn, address, rate); err != nil {
			return running, err
		}
		begun := time.Now()
		err = poll(startPatience, "packets of the correspondent reach "+mn.Node, func() (bool, error) { return t.flow.Received(begun), nil })
		if err != nil {
			return running, err
		}
	}
	return running, nil
}

// stopTraffic ends what is running; it may be called again.
func stopTraffic(running []*traffic) {
	for _, t := range running {
		if t.flow != nil {
			t.flow.Stop()
			t.flow = nil
		}
		t.stopConversations()
	}
}

func (t *traffic) stopConversations() {
	for _, c := range []**Conversation{&t.conversation, &t.conversation4} {
		if *c != nil {
			_ = (*c).Stop()
			*c = nil
		}
	}
}

// moveAll does the moves, the mobile nodes taking turns.
func (d *Domain) moveAll(ctx context.Context, x HandoverExperiment, running []*traffic) ([]*moved, error) {
	var moves []*moved
	last := map[*MobileNode]*moved{}
	total := 2 * x.Count * len(d.MobileNodes)
	for range 2 * x.Count {
		for _, t := range running {
			m := &moved{mn: t.mn, from: t.mn.At()}
			association, err := d.handover(t.mn)
			if err != nil {
				return nil, err
			}
			if err := t.mn.RenewLease(); err != nil {
				return nil, err
			}
			m.Association = association
			if previous := last[t.mn]; previous != nil {
				previous.end = m.Left
			}
			last[t.mn] = m
			moves = append(moves, m)
			if len(moves)%10 == 0 || len(moves) == total {
				d.Progressf("%d of %d handovers", len(moves), total)
			}
			if err := d.settle(ctx, x.Settle, m); err != nil {
				return nil, err
			}
			// when it does not come back, the report says so
			_ = poll(resumePatience, "traffic", func() (bool, error) { return t.flow.Received(m.Associated), ctx.Err() })
			m.authentication = d.AccessPoints[m.MAG].authentication(m.mn, m.Left)
		}
	}
	now := time.Now()
	for _, m := range last {
		m.end = now
	}
	return moves, nil
}

// handover moves one mobile node to the other MAG, and has the access point log it where syslog is the trigger, or the mobile node notice it
// where it is.
func (d *Domain) handover(mn *MobileNode) (Association, error) {
	a, err := mn.Move(other(mn.At()))
	if err == nil && d.Options.Trigger == TriggerSyslog {
		err = d.SendSyslog(a.MAG, ciscoAssociation(mn.MAC, a.Associated))
	}
	if err == nil && d.Options.Trigger == TriggerND {
		err = mn.flap()
	}
	return a, err
}

// settle lets the network run; where access points forget stations before it ends, the one that was left does.
func (d *Domain) settle(ctx context.Context, pause time.Duration, m *moved) error {
	if aging := d.Options.APAging; aging > 0 && aging < pause {
		if err := wait(ctx, aging); err != nil {
			return err
		}
		if err := d.forget(m); err != nil {
			return err
		}
		pause -= aging
	}
	return wait(ctx, pause)
}

func wait(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("interrupted: %w", ctx.Err())
	case <-time.After(pause):
		return nil
	}
}

// forget ages a station out of the access point that it left.
func (d *Domain) forget(m *moved) error {
	if err := d.AccessPoints[m.from].Forget(m.mn.MAC); err != nil {
		return fmt.Errorf("access point of %s forgets %s: %w", m.from, m.mn.Node, err)
	}
	if d.Options.Trigger == TriggerSyslog {
		return d.SendSyslog(m.from, ciscoDisassociation(m.mn.MAC, time.Now()))
	}
	return nil
}
