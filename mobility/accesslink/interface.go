package accesslink

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

func (l *Link) find() (netlink.Link, error) {
	found, err := l.netlink.LinkByName(l.config.Interface)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil, fmt.Errorf("%w: there is no interface of that name (see `ip link`)", ErrInterfaceUnavailable)
	}
	return found, err
}

// restore brings a present interface to what Open promises and opens the port anew if it is another interface than before.
// It is called again whenever the interface changes: going down makes Linux drop its addresses. It does not set the
// interface up, and takes it down for nothing: that is hostapd's to decide once we run.
func (l *Link) restore() error {
	found, err := l.find()
	if err != nil {
		l.setPort(nil)
		return err
	}
	if found.Attrs().Flags&net.FlagUp == 0 {
		l.setPort(nil)
		return fmt.Errorf("%w: it is down", ErrInterfaceUnavailable)
	}
	if err := l.setLinkLayerAddress(found, false); err != nil {
		return err
	}
	if err := l.setSysctls(); err != nil {
		return err
	}
	if err := l.setLinkLocalAddress(found); err != nil {
		return err
	}
	l.setRunning(found.Attrs().RawFlags&unix.IFF_RUNNING != 0)
	return l.openPort(found)
}

// setLinkLayerAddress sets the configured address if the interface has another one; with mayGoDown it takes the interface
// down for that where the driver asks for it.
func (l *Link) setLinkLayerAddress(found netlink.Link, mayGoDown bool) error {
	wanted := net.HardwareAddr(l.config.LinkLayerAddress[:])
	if l.config.LinkLayerAddress == [6]byte{} || bytes.Equal(found.Attrs().HardwareAddr, wanted) {
		return nil
	}
	err := l.netlink.LinkSetHardwareAddr(found, wanted)
	if errors.Is(err, unix.EBUSY) && mayGoDown {
		if err := l.netlink.LinkSetDown(found); err != nil {
			return fmt.Errorf("set the interface down to change its link-layer address: %w", err)
		}
		err = l.netlink.LinkSetHardwareAddr(found, wanted)
	}
	if err != nil {
		return fmt.Errorf("give the interface the link-layer address %s: %w (or put it into a bridge and use that)", wanted, err)
	}
	found.Attrs().HardwareAddr = wanted
	return nil
}

// beMulticastRouter makes a snooping bridge pass reports up: where there is a querier, Linux 6.1 gives those of MLDv1 to multicast
// routers alone, newer ones also to an interface that hears all groups. It is said once for a bridge, since saying it is a change of
// the interface. A bridge that refuses is used all the same: nodes without MLDv2 then answer to other probes only.
func beMulticastRouter(found netlink.Link) error {
	if found.Type() != "bridge" {
		return nil
	}
	message := nl.NewIfInfomsg(unix.AF_UNSPEC)
	message.Index = int32(found.Attrs().Index)
	information := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	information.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("bridge"))
	information.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.IFLA_BR_MCAST_ROUTER, nl.Uint8Attr(permanentRouter))
	request := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_ACK)
	request.AddData(message)
	request.AddData(information)
	if _, err := request.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("make the bridge a multicast router: %w (it may keep reports of MLDv1 to itself)", err)
	}
	return nil
}

// permanentRouter is MDB_RTR_TYPE_PERM of linux/if_bridge.h.
const permanentRouter = 2

// setSysctls writes only what differs: restore is called on every change of the interface and must cause none itself.
func (l *Link) setSysctls() error {
	return l.set("ipv6", []setting{
		{"disable_ipv6", "0"},
		{"addr_gen_mode", "1"}, // the kernel makes no link-local address
		{"forwarding", "1"},
		{"accept_ra", "0"},
		{"accept_redirects", "0"},
	})
}

// setting is one of the interface, a sysctl.
type setting struct{ name, value string }

func (l *Link) set(version string, settings []setting) error {
	for _, setting := range settings {
		path := filepath.Join("/proc/sys/net", version, "conf", l.config.Interface, setting.name)
		if now, err := os.ReadFile(path); err == nil && string(bytes.TrimSpace(now)) == setting.value {
			continue
		}
		err := os.WriteFile(path, []byte(setting.value), 0)
		if errors.Is(err, fs.ErrNotExist) {
			if _, err := l.find(); errors.Is(err, ErrInterfaceUnavailable) { // the kernel takes an interface from its list before it takes these away, one after the other
				return fmt.Errorf("%w: it went away just now", ErrInterfaceUnavailable)
			}
		}
		if err != nil {
			return fmt.Errorf("set sysctl %s to %s: %w (run as root; in a container /proc/sys must be writable)", setting.name, setting.value, err)
		}
	}
	return nil
}

// setLinkLocalAddress makes the configured address the only link-local one, beside those that anchors gave for single nodes.
// Another one would let mobile nodes learn a router that the next MAG does not have.
func (l *Link) setLinkLocalAddress(found netlink.Link) error {
	addresses, err := l.netlink.AddrList(found, netlink.FAMILY_V6)
	for tries := 0; errors.Is(err, netlink.ErrDumpInterrupted) && tries < 10; tries++ { // an address changed meanwhile
		addresses, err = l.netlink.AddrList(found, netlink.FAMILY_V6)
	}
	if err != nil {
		return fmt.Errorf("list the addresses of the interface: %w", err)
	}
	present := map[netip.Addr]bool{}
	for i := range addresses {
		address, _ := netip.AddrFromSlice(addresses[i].IP)
		wanted := address == l.config.LinkLocalAddress || l.sources.wanted(address)
		if wanted && addresses[i].Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0 {
			present[address] = true
			continue
		}
		if !address.IsLinkLocalUnicast() {
			continue
		}
		if err := l.netlink.AddrDel(found, &addresses[i]); err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("remove the link-local address %s: %w", address, err)
		}
	}
	for _, address := range append(l.sources.all(), l.config.LinkLocalAddress) {
		if present[address] {
			continue
		}
		if err := l.addLinkLocal(found, address); err != nil {
			return err
		}
	}
	return nil
}
