// Package outerheader makes the outer header of the seg6 backend's tunnel packets what the RFCs want where the kernel's seg6
// does something else: it copies the inner hop limit to the outer header (RFC 2473 section 6.3 wants a value of the tunnel),
// gives IPv4 packets an outer header without ECN, and forgets a congestion mark at the exit of the tunnel (RFC 6040). Two
// small BPF programs at the uplink mend that. The ip6tnl backend has no need of them.
package outerheader

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Attachment is the pair of programs on one interface. Closing it, or the end of the process, takes them away.
type Attachment struct {
	links []link.Link
}

// Attach puts the programs on the interface that tunnel packets from and to local pass. What it leaves out when it fails is
// the care for ECN and hop limit only; packets pass all the same. It needs Linux 6.6 (TCX) and CAP_BPF with CAP_NET_ADMIN.
func Attach(uplink string, local netip.Addr, hopLimit uint8) (*Attachment, error) {
	if !local.Is6() || local.Is4In6() {
		return nil, fmt.Errorf("outer headers of tunnels from %v: want an IPv6 address", local)
	}
	device, err := net.InterfaceByName(uplink)
	if err != nil {
		return nil, fmt.Errorf("outer headers on %s: %w", uplink, err)
	}
	at := layout{local: local}
	if len(device.HardwareAddr) == ethernetAddress {
		at.header = ethernetHeader
	}
	a := &Attachment{}
	for _, p := range []struct {
		name  string
		code  asm.Instructions
		place ebpf.AttachType
	}{
		{"netlmm_exit", exitProgram(at), ebpf.AttachTCXIngress},
		{"netlmm_entry", entryProgram(at, hopLimit), ebpf.AttachTCXEgress},
	} {
		if err := a.attach(device.Index, p.name, p.code, p.place); err != nil {
			return nil, errors.Join(fmt.Errorf("outer headers on %s: %w (Linux 6.6 or later with BPF is needed for it)", uplink, err), a.Close())
		}
	}
	return a, nil
}

func (a *Attachment) attach(device int, name string, code asm.Instructions, place ebpf.AttachType) error {
	program, err := load(name, code)
	if err != nil {
		return err
	}
	defer program.Close() // the link holds it
	l, err := link.AttachTCX(link.TCXOptions{Interface: device, Program: program, Attach: place})
	if err != nil {
		return fmt.Errorf("attach %s: %w", name, err)
	}
	a.links = append(a.links, l)
	return nil
}

func load(name string, code asm.Instructions) (*ebpf.Program, error) {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: name, Type: ebpf.SchedCLS, Instructions: code, License: "GPL"})
	if errors.Is(err, unix.EPERM) {
		return nil, fmt.Errorf("load %s: %w (run as root or with CAP_BPF and CAP_NET_ADMIN)", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", name, err)
	}
	return program, nil
}

// Close takes the programs away.
func (a *Attachment) Close() error {
	var problems []error
	for _, l := range a.links {
		problems = append(problems, l.Close())
	}
	a.links = nil
	return errors.Join(problems...)
}
