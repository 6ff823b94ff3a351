package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Crowd is many mobile nodes that move together. Each is a namespace with a kernel's whole IPv6 host in it and nothing else: no
// supplicant, no 802.1X. What their access points would log is sent to the MAGs by syslog (Options.Trigger must say so).
type Crowd struct {
	Hosts []*CrowdHost

	domain *Domain
	at     string
}

// CrowdHost is one of them.
type CrowdHost struct {
	Node    string
	MAC     net.HardwareAddr
	Address netip.Addr
	Flow    *Flow
}

// MaximumCrowd is how many there can be: their traffic is sent by a thread each.
const MaximumCrowd = 250

// AddCrowd makes n hosts in the cell of mag1; they are not known to anybody before ComeIn.
func (d *Domain) AddCrowd(n int) (*Crowd, error) {
	if n < 1 || n > MaximumCrowd {
		return nil, fmt.Errorf("%d hosts: 1 to %d, please", n, MaximumCrowd)
	}
	if d.Options.Trigger != TriggerSyslog {
		return nil, fmt.Errorf("a crowd's access points log by syslog, and this domain's trigger is %s", d.Options.Trigger)
	}
	c := &Crowd{domain: d, at: NodeMAG1}
	for i := range n {
		host := &CrowdHost{Node: fmt.Sprintf("h%d", i+1), MAC: net.HardwareAddr{0x02, 0x00, 0x5e, 0x00, 0x04, byte(i + 1)}}
		if err := d.addNode(host.Node); err != nil {
			return nil, err
		}
		err := d.cable(end{node: host.Node, name: stationInterface, mac: host.MAC}, end{node: NodeAir, name: host.Node, quiet: true})
		if err != nil {
			return nil, err
		}
		c.Hosts = append(c.Hosts, host)
	}
	return c, nil
}

// enter plugs every host into the cell of a MAG, and has the access point there log it at once. It returns when each was logged.
func (c *Crowd) enter(mag string) (moves []Association, err error) {
	d := c.domain
	log, err := d.dialSyslog(mag)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	return moves, d.withHandle(NodeAir, func(h *netlink.Handle) error {
		cell, err := h.LinkByName(cellOf(mag))
		if err != nil {
			return err
		}
		for _, host := range c.Hosts {
			port, err := h.LinkByName(host.Node)
			if err != nil {
				return err
			}
			a := Association{MAG: mag, Left: time.Now()}
			if err := h.LinkSetMaster(port, cell); err != nil {
				return fmt.Errorf("move %s to %s: %w", host.Node, mag, err)
			}
			// an access point knows its stations; a bridge that does not would send what is for one to all
			known := &netlink.Neigh{LinkIndex: port.Attrs().Index, Family: unix.AF_BRIDGE, State: unix.NUD_NOARP, Flags: unix.NTF_MASTER, HardwareAddr: host.MAC}
			if err := h.NeighSet(known); err != nil {
				return fmt.Errorf("bridge of %s learns %s: %w", mag, host.Node, err)
			}
			a.Associated = time.Now()
			if _, err := log.Write([]byte(ciscoAssociation(host.MAC, a.Associated))); err != nil {
				return err
			}
			moves = append(moves, a)
		}
		c.at = mag
		return nil
	})
}

// ComeIn has every host associate at mag1 and returns when all have an address.
func (c *Crowd) ComeIn(ctx context.Context) error {
	if _, err := c.enter(NodeMAG1); err != nil {
		return err
	}
	for _, host := range c.Hosts {
		as := &MobileNode{Node: host.Node, domain: c.domain}
		address, err := as.waitAddress(ctx, startPatience)
		if err != nil {
			return fmt.Errorf("%w\nmagd of %s says:\n%s", err, c.at, c.domain.tail(c.at, "magd"))
		}
		host.Address = address
	}
	return nil
}

// StartTraffic has the correspondent send to every host; StopTraffic ends it, also after an error.
func (c *Crowd) StartTraffic(rate int) (err error) {
	for _, host := range c.Hosts {
		if host.Flow, err = c.domain.StartFlow(&MobileNode{Node: host.Node}, host.Address, rate); err != nil {
			return err
		}
	}
	begun := time.Now()
	return c.waitTraffic(begun)
}

// waitTraffic returns when every host has got a packet after an instant.
func (c *Crowd) waitTraffic(after time.Time) error {
	for _, host := range c.Hosts {
		if err := poll(resumePatience, "packets of the correspondent reach "+host.Node, func() (bool, error) { return host.Flow.Received(after), nil }); err != nil {
			return err
		}
	}
	return nil
}

// StopTraffic ends the traffic of every host, all at the same time: each waits for what is under way.
func (c *Crowd) StopTraffic() {
	ended := make(chan struct{})
	for _, host := range c.Hosts {
		go func() {
			if host.Flow != nil {
				host.Flow.Stop()
			}
			ended <- struct{}{}
		}()
	}
	for range c.Hosts {
		<-ended
	}
}

// Move takes all hosts to the other MAG, one right after the other, and returns when packets reach all of them there. Who was not
// reached shows as an error beside the moves.
func (c *Crowd) Move(ctx context.Context) ([]Association, error) {
	moves, err := c.enter(other(c.at))
	if err != nil {
		return nil, err
	}
	return moves, errors.Join(c.waitTraffic(moves[len(moves)-1].Associated), ctx.Err())
}
