package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
)

// MobileNode is an unmodified host: the kernel's address configuration, wpa_supplicant, and a port in one of the cells.
type MobileNode struct {
	ID       string // network access identifier of its 802.1X authentication, or its link-layer address where there is none
	Node     string // mn1, mn2
	MAC      net.HardwareAddr
	Security string // with Wi-Fi: SecurityPSK, ...

	domain *Domain
	at     string       // the MAG whose cell it is plugged into
	radio  *packet.Conn // sends EAPOL; nil with Wi-Fi
	roams  int          // with Wi-Fi
	phy    string       // with Wi-Fi: its radio
}

// etherTypeEAPOL and the address of IEEE 802.1X's port access entity group.
const etherTypeEAPOL = 0x888e

var paeGroup = net.HardwareAddr{0x01, 0x80, 0xc2, 0x00, 0x00, 0x03}

// addMobileNode builds mobile node n (counted from 1) in front of a MAG; its supplicant is not started yet.
func (d *Domain) addMobileNode(n int, mag string) (*MobileNode, error) {
	mn := &MobileNode{ID: MobileNodeIDs[n-1], Node: fmt.Sprintf("mn%d", n), MAC: stationMAC(n), domain: d, at: mag}
	if err := d.addNode(mn.Node); err != nil {
		return nil, err
	}
	err := d.cable(end{node: mn.Node, name: stationInterface, mac: mn.MAC}, end{node: NodeAir, name: mn.Node, bridge: cellOf(mag), quiet: true})
	if err != nil {
		return nil, err
	}
	return mn, d.in(mn.Node, func() error {
		link, err := net.InterfaceByName(stationInterface)
		if err != nil {
			return err
		}
		mn.radio, err = packet.Listen(link, packet.Raw, etherTypeEAPOL, nil)
		return err
	})
}

// supplicantProgram is the name of a mobile node's supplicant among its processes.
const supplicantProgram = "wpa_supplicant"

// startSupplicant runs wpa_supplicant.
func (mn *MobileNode) startSupplicant() error {
	d := mn.domain
	binary, err := program(supplicantProgram, "wpasupplicant")
	if err != nil {
		return err
	}
	values, template, driver := map[string]string{"Identity": mn.ID, "Password": eapPassword}, "wpa_supplicant.conf.tmpl", "wired"
	if mn.Security != "" {
		template, driver = "wpa_supplicant-wifi.conf.tmpl", "nl80211"
		values["Security"], values["SSID"], values["Frequencies"] = mn.Security, ssidOf(mn.Security), frequencies(" ")
	}
	if err := d.render(template, mn.Node, "wpa_supplicant.conf", values); err != nil {
		return err
	}
	_, err = d.start(mn.Node, supplicantProgram, nil, binary, "-t", "-D", driver, "-i", stationInterface, "-c", d.Path(mn.Node, "wpa_supplicant.conf"))
	if err != nil {
		return err
	}
	return poll(startPatience, "wpa_supplicant of "+mn.Node+" answers", func() (bool, error) {
		status, err := mn.SupplicantStatus()
		return err == nil && strings.Contains(status, "wpa_state="), nil
	})
}

// SupplicantStatus is what wpa_supplicant says of itself, key=value a line.
func (mn *MobileNode) SupplicantStatus() (string, error) {
	return mn.askSupplicant("STATUS")
}

// askSupplicant sends wpa_supplicant a command.
func (mn *MobileNode) askSupplicant(command string) (string, error) {
	c, err := dialControl(mn.domain.Path(mn.Node, "supplicant/"+stationInterface), mn.domain.Path(mn.Node, "status.sock"))
	if err != nil {
		return "", err
	}
	defer c.close()
	return c.request(command)
}

// Association is a station's way into a cell.
type Association struct {
	MAG        string
	Left       time.Time // the port was taken out of the old cell; with Wi-Fi: the station was told to go
	Associated time.Time // hostapd reported AP-STA-CONNECTED
	By         string    // with Wi-Fi: RoamCommand or RoamTransition
	Attempts   int       // and how often it was made to go until it went
}

// At is the MAG in whose cell the mobile node is.
func (mn *MobileNode) At() string { return mn.at }

// Move takes the mobile node from its cell into the cell of another MAG and returns when it is associated there. The access
// point that it left is told nothing, unless the domain's options say CleanDetach.
func (mn *MobileNode) Move(mag string) (Association, error) {
	if mn.Security != "" {
		return mn.Roam(mag, mn.nextRoam())
	}
	return mn.MoveThrough(mag, 0)
}

// MoveThrough is Move with a while in between in which the mobile node is in no cell.
func (mn *MobileNode) MoveThrough(mag string, gap time.Duration) (Association, error) {
	return mn.move(mag, gap, false)
}

// MoveVisibly is MoveThrough with an interface that has no carrier meanwhile, as a Wi-Fi driver does that lets the kernel know.
func (mn *MobileNode) MoveVisibly(mag string, gap time.Duration) (Association, error) {
	return mn.move(mag, gap, true)
}

func (mn *MobileNode) move(mag string, gap time.Duration, visible bool) (Association, error) {
	d := mn.domain
	a := Association{MAG: mag}
	if d.Options.CleanDetach {
		if err := d.AccessPoints[mn.at].Forget(mn.MAC); err != nil {
			return a, err
		}
	}
	// hostapd drops a station in two steps, and would drop one that came back in between
	if err := d.AccessPoints[mag].waitRemoved(mn.MAC); err != nil {
		return a, err
	}
	err := d.withHandle(NodeAir, func(h *netlink.Handle) error {
		port, err := h.LinkByName(mn.Node)
		if err != nil {
			return err
		}
		cell, err := h.LinkByName(cellOf(mag))
		if err != nil {
			return err
		}
		a.Left = time.Now()
		if visible {
			if err := h.LinkSetDown(port); err != nil {
				return err
			}
		}
		if gap > 0 {
			if err := h.LinkSetNoMaster(port); err != nil {
				return err
			}
			time.Sleep(gap)
		}
		if err := h.LinkSetMaster(port, cell); err != nil || !visible {
			return err
		}
		return h.LinkSetUp(port)
	})
	if err != nil {
		return a, fmt.Errorf("move %s to %s: %w", mn.Node, mag, err)
	}
	mn.at = mag
	if visible {
		if err := mn.waitCarrier(); err != nil {
			return a, err
		}
	}
	a.Associated, err = mn.Associate(a.Left)
	return a, err
}

// waitCarrier returns when the kernel has seen at both ends that there is a carrier again: before that nothing passes.
func (mn *MobileNode) waitCarrier() error {
	return poll(startPatience, mn.Node+" has its carrier again", func() (up bool, err error) {
		up = true
		for _, e := range []end{{node: mn.Node, name: stationInterface}, {node: NodeAir, name: mn.Node}} {
			err = errors.Join(err, mn.domain.withHandle(e.node, func(h *netlink.Handle) error {
				link, err := h.LinkByName(e.name)
				up = up && err == nil && link.Attrs().OperState == netlink.OperUp
				return err
			}))
		}
		return up, err
	})
}

// flap takes the carrier from the mobile node's interface and gives it back: its kernel looks for a router then, as on any link that came
// up.
func (mn *MobileNode) flap() error {
	return mn.domain.withHandle(NodeAir, func(h *netlink.Handle) error {
		port, err := h.LinkByName(mn.Node)
		if err != nil {
			return err
		}
		return errors.Join(h.LinkSetDown(port), h.LinkSetUp(port))
	})
}

// Associate sends EAPOL-Start until the access point reports the station associated later than after. It is patient: a
// Start in the middle of an authentication makes hostapd begin anew with an identity request, which a supplicant that has
// answered the challenge discards, and then neither gets any further.
func (mn *MobileNode) Associate(after time.Time) (time.Time, error) {
	if mn.Security != "" {
		return mn.waitAssociated(after)
	}
	ap := mn.domain.AccessPoints[mn.at]
	for range 4 {
		if err := mn.sendEAPOLStart(); err != nil {
			return time.Time{}, err
		}
		if at, ok := ap.waitJoined(mn.MAC, after, 10*time.Second); ok {
			return at, nil
		}
	}
	return time.Time{}, mn.notAssociated(mn.at)
}

// notAssociated is the error of an association that did not come about.
func (mn *MobileNode) notAssociated(mag string) error {
	return fmt.Errorf("%s was not associated by the access point of %s; hostapd says:\n%s\nwpa_supplicant says:\n%s",
		mn.Node, mag, mn.domain.tail(mag, "hostapd"), mn.domain.tail(mn.Node, supplicantProgram))
}

// sendEAPOLStart sends the frame of IEEE 802.1X with which a supplicant asks to be authenticated: version 1, type 1, no body.
func (mn *MobileNode) sendEAPOLStart() error {
	frame := append([]byte{}, paeGroup...)
	frame = append(frame, mn.MAC...)
	frame = append(frame, etherTypeEAPOL>>8, etherTypeEAPOL&0xff, 1, 1, 0, 0)
	if _, err := mn.radio.WriteTo(frame, &packet.Addr{HardwareAddr: paeGroup}); err != nil {
		return fmt.Errorf("EAPOL-Start of %s: %w", mn.Node, err)
	}
	return nil
}

// GlobalAddress is the usable (not tentative, not deprecated) global address of the mobile node; ok is false without one.
func (mn *MobileNode) GlobalAddress() (address netip.Addr, ok bool, err error) {
	const unusable = 0x20 | 0x08 | 0x40 // IFA_F_DEPRECATED, IFA_F_DADFAILED, IFA_F_TENTATIVE
	err = mn.domain.withHandle(mn.Node, func(h *netlink.Handle) error {
		link, err := h.LinkByName(stationInterface)
		if err != nil {
			return err
		}
		addresses, err := h.AddrList(link, netlink.FAMILY_V6)
		for tries := 0; errors.Is(err, netlink.ErrDumpInterrupted) && tries < 10; tries++ { // an address changed meanwhile
			addresses, err = h.AddrList(link, netlink.FAMILY_V6)
		}
		if err != nil {
			return err
		}
		for _, a := range addresses {
			if candidate, valid := netip.AddrFromSlice(a.IP); valid && HNPPool.Contains(candidate) && a.Flags&unusable == 0 {
				address, ok = candidate, true
			}
		}
		return nil
	})
	return address, ok, err
}

// WaitAddress returns the mobile node's global address once it has configured one.
func (mn *MobileNode) WaitAddress(patience time.Duration) (netip.Addr, error) {
	return mn.waitAddress(context.Background(), patience)
}

// waitAddress is WaitAddress that ends with ctx.
func (mn *MobileNode) waitAddress(ctx context.Context, patience time.Duration) (netip.Addr, error) {
	var address netip.Addr
	err := poll(patience, mn.Node+" configures an address out of "+HNPPool.String(), func() (ok bool, err error) {
		address, ok, err = mn.GlobalAddress()
		return ok, errors.Join(err, ctx.Err())
	})
	return address, err
}
