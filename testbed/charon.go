package testbed

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"netlmm/mobility/signaling"
)

// ipsecFlavour says how this kernel protects Mobility Headers: in the kernel and in transport mode, as RFC 5213 section 4
// asks for, or with strongSwan's userspace ESP where the kernel has none.
type ipsecFlavour struct {
	Plugin   string // strongSwan's: kernel-netlink or kernel-libipsec
	Mode     string // transport or tunnel
	Protocol int    // of Mobility Headers in traffic selectors; libipsec takes the Mobility Header for an extension header and sees what follows it
}

// ikePeer is one end of an IKE connection.
type ikePeer struct {
	Node      string
	Address   netip.Addr
	Identity  string
	Selectors string // of its control channel, for charon
}

// IKEIdentity is the identity with which a node's charon authenticates.
func IKEIdentity(node string) string { return node + ".example.net" }

// probeIPsec asks the kernel of the LMA's namespace whether it has ESP: it adds a state, and takes it out again.
func (d *Domain) probeIPsec() (ipsecFlavour, error) {
	flavour := ipsecFlavour{Plugin: "kernel-libipsec", Mode: "tunnel", Protocol: 59}
	err := d.withHandle(NodeLMA, func(h *netlink.Handle) error {
		state := &netlink.XfrmState{
			Src: net.IP(MAG1Address.AsSlice()), Dst: net.IP(LMAAddress.AsSlice()),
			Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Spi: 0x1000,
			Aead: &netlink.XfrmStateAlgo{Name: "rfc4106(gcm(aes))", Key: make([]byte, 20), ICVLen: 128},
		}
		if err := h.XfrmStateAdd(state); err != nil {
			return err
		}
		return h.XfrmStateDel(state)
	})
	switch {
	case err == nil:
		return ipsecFlavour{Plugin: "kernel-netlink", Mode: "transport", Protocol: unix.IPPROTO_MH}, nil
	case errors.Is(err, syscall.EPERM):
		return flavour, fmt.Errorf("ask the kernel for ESP: %w (the testbed must run as root)", err)
	}
	return flavour, nil
}

// newSecret makes the domain's pre-shared key.
func newSecret() (string, error) {
	key := make([]byte, 24)
	if _, err := rand.Read(key); err != nil {
		return "", err
	}
	return "0s" + base64.StdEncoding.EncodeToString(key), nil
}

// startCharon runs an IKE daemon in a node and loads its connections; none is initiated.
func (d *Domain) startCharon(node string) error {
	binary, err := program("charon-systemd", "charon-systemd")
	if err != nil {
		return err
	}
	peers := map[string][]string{
		NodeLMA: {NodeMAG1, NodeMAG2, NodeRogueMAG}, NodeMAG1: {NodeLMA, NodeMAG2}, NodeMAG2: {NodeLMA, NodeMAG1}, NodeRogueMAG: {NodeLMA},
	}
	if d.Options.SecondLMA {
		peers[NodeLMA2] = []string{NodeMAG1, NodeMAG2}
		for _, mag := range peers[NodeLMA2] {
			peers[mag] = append(peers[mag], NodeLMA2)
		}
	}
	values := map[string]any{
		"UserspaceESP": d.ipsec.Plugin == "kernel-libipsec",
		"Mode":         d.ipsec.Mode,
		"Secret":       d.secret,
		"Local":        d.ikePeerOf(node),
	}
	for _, ap := range d.remoteAccessPoints() {
		mag := gatewayOf(ap)
		peers[ap], peers[mag] = []string{mag}, append(peers[mag], ap)
	}
	var remote []ikePeer
	for _, peer := range peers[node] {
		remote = append(remote, d.ikePeerOf(peer))
	}
	values["Peers"] = remote
	if err := errors.Join(d.render("strongswan.conf.tmpl", node, "strongswan.conf", values), d.render("swanctl.conf.tmpl", node, "swanctl.conf", values)); err != nil {
		return err
	}
	if d.ipsec.Plugin == "kernel-libipsec" {
		if err := d.routeControlChannelToTunnel(node); err != nil {
			return err
		}
	}
	if _, err := d.start(node, "charon", d.strongswanEnvironment(node), binary); err != nil {
		return err
	}
	return d.loadConnections(node)
}

// ikePeerOf describes a node's end of its IKE connections.
func (d *Domain) ikePeerOf(node string) ikePeer {
	address, _ := d.coreAddress(node) // every node with a charon has one
	signalling := strconv.Itoa(d.ipsec.Protocol)
	if address.Is4() {
		signalling = fmt.Sprintf("udp/%d", signaling.Port)
	}
	host := netip.PrefixFrom(address, address.BitLen())
	return ikePeer{Node: node, Address: address, Identity: IKEIdentity(node),
		Selectors: fmt.Sprintf("%[1]v[%[2]s], %[1]v[udp/%[3]d], %[1]v[tcp]", host, signalling, mihPort)}
}

// strongswanEnvironment makes charon and swanctl read this node's files.
func (d *Domain) strongswanEnvironment(node string) []string {
	return []string{"STRONGSWAN_CONF=" + d.Path(node, "strongswan.conf"), "SWANCTL_DIR=" + d.Path(node, "")}
}

// routeControlChannelToTunnel makes Mobility Headers and MIH, and nothing else, look up charon's routing table.
func (d *Domain) routeControlChannelToTunnel(node string) error {
	port := netlink.NewRulePortRange(mihPort, mihPort)
	rules := []netlink.Rule{{IPProto: unix.IPPROTO_MH}}
	for _, protocol := range []int{unix.IPPROTO_UDP, unix.IPPROTO_TCP} {
		rules = append(rules, netlink.Rule{IPProto: protocol, Dport: port}, netlink.Rule{IPProto: protocol, Sport: port})
	}
	return d.withHandle(node, func(h *netlink.Handle) error {
		for _, match := range rules {
			rule := netlink.NewRule()
			rule.IPProto, rule.Dport, rule.Sport = match.IPProto, match.Dport, match.Sport
			rule.Family, rule.Priority, rule.Table = unix.AF_INET6, 50, 4135
			if err := h.RuleAdd(rule); err != nil && !errors.Is(err, syscall.EEXIST) {
				return fmt.Errorf("rule for the control channel in %s: %w", node, err)
			}
		}
		return nil
	})
}

// loadConnections gives charon its connections as soon as it answers.
func (d *Domain) loadConnections(node string) error {
	var last error
	err := poll(startPatience, "charon of "+node+" loads its connections", func() (bool, error) {
		charon, err := d.process(node, "charon")
		if err != nil {
			return false, err
		}
		if !charon.running() {
			return false, fmt.Errorf("charon of %s ended at start:\n%s", node, d.tail(node, "charon"))
		}
		if _, err := os.Stat(d.VICISocket(node)); err != nil {
			return false, nil
		}
		_, last = d.swanctl(node, "--load-all")
		return last == nil, nil
	})
	return errors.Join(err, last)
}

// swanctl runs strongSwan's operator tool against a node's charon.
func (d *Domain) swanctl(node string, arguments ...string) (string, error) {
	binary, err := program("swanctl", "strongswan-swanctl")
	if err != nil {
		return "", err
	}
	return d.execute(node, d.strongswanEnvironment(node), append([]string{binary}, arguments...)...)
}

// EstablishSA initiates the SA of a MAG with the LMA, as its magd would.
func (d *Domain) EstablishSA(mag string) error {
	_, err := d.swanctl(mag, "--initiate", "--child", "mh-"+NodeLMA, "--timeout", "10")
	return err
}

// InstalledSAs is how many CHILD_SAs a node's charon has installed, and the IKE version and proposal of one of them.
func (d *Domain) InstalledSAs(node string) (count int, proposal string, err error) {
	out, err := d.swanctl(node, "--list-sas")
	if err != nil {
		return 0, "", err
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "INSTALLED") {
			count++
		}
		if proposal == "" && strings.Contains(line, "/PRF_") {
			proposal = line
		}
	}
	return count, proposal, nil
}
