package testbed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"netlmm/internal/hwsim"
)

// Options choose what a domain consists of.
type Options struct {
	ID            string        // of the domain, part of every name; "" takes the process id
	BinDir        string        // where magd, lmad and netlmmctl are; default "bin"
	Trigger       string        // what tells magd of a station: TriggerHostapd (default), TriggerSyslog, TriggerRadius, TriggerMIH or TriggerND
	IPv4Transport bool          // LMA and MAGs reach each other over IPv4 and have no IPv6 addresses there (RFC 5844 section 4)
	CleanDetach   bool          // the access point reports the departure before the station is gone
	APAging       time.Duration // an access point forgets a station that left this long after its move; 0: not while the domain stands, as an inactivity timer of minutes
	Handover      string        // how gateways hand mobile nodes over (RFC 5949): HandoverPredictive, HandoverReactive; "": not
	WiFi          bool          // access points and mobile nodes have radios, of mac80211_hwsim, and one mobile node for each security
	Grace         time.Duration // departure_grace of the gateways; 0: their default
	SecondLMA     bool          // there is another anchor, which the MAGs have connections to and their configurations do not name
	Progress      io.Writer     // one line per step; nil: none

	MobileNodes  int    // how many come in, 1 or 2; 0: 2
	OwnAddresses bool   // each MAG has a link-layer and a link-local address of its own on its access link, not the domain's (RFC 5213 section 9.3)
	Tunnels      string // TunnelsStatic, TunnelsDynamic; "": as the daemons do without being told
	Unprotected  bool   // no IPsec on the control channel: to measure what it costs
}

// When tunnels between LMA and MAGs come and go (RFC 5213 section 5.6.1).
const (
	TunnelsStatic  = "static"  // they stand from the start
	TunnelsDynamic = "dynamic" // the first binding brings one, and it goes with the last one
)

// What tells a MAG that a station is there.
const (
	TriggerHostapd = "hostapd"
	TriggerSyslog  = "syslog"
	TriggerRadius  = "radius" // hostapd's accounting
	TriggerMIH     = "mih"    // a mihd at the access point, over 802.21
	TriggerND      = "nd"     // nobody but the mobile nodes themselves, whose links go down and up when they move
)

// How gateways hand mobile nodes over.
const (
	HandoverPredictive = "predictive"
	HandoverReactive   = "reactive"
)

// Domain is a running Proxy Mobile IPv6 domain. Its methods may be used from several goroutines, those of one mobile node
// or one component from one at a time.
type Domain struct {
	ID           string
	Dir          string // run directory: configurations, logs, sockets
	Options      Options
	AccessPoints map[string]*AccessPoint // by MAG
	MobileNodes  []*MobileNode

	ipsec   ipsecFlavour
	secret  string
	started time.Time

	mu         sync.Mutex
	processes  map[string]*process // by node/name
	namespaces []string            // nodes, in the order of their creation
}

var validID = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

// Up builds the domain without the project's own daemons: namespaces, cables, charons, access points and mobile nodes that
// are not associated yet. When it fails it takes down what it had built.
func Up(o Options) (d *Domain, err error) {
	d, err = newDomain(o)
	if err != nil {
		return nil, err
	}
	defer func() {
		if recovered := recover(); recovered != nil || err != nil {
			err = errors.Join(err, d.Down())
			if recovered != nil {
				panic(recovered)
			}
			d = nil
		}
	}()
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"namespaces and cables", d.buildNetwork},
		{"IKE daemons", d.startCharons},
		{"access points", d.startAccessPoints},
		{"mobile nodes", d.startMobileNodes},
	} {
		d.Progressf("%s", step.name)
		if err := step.do(); err != nil {
			return d, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return d, nil
}

// complete fills in what was left out, and says what is wrong with the rest.
func (o *Options) complete() error {
	if o.ID == "" {
		o.ID = strconv.Itoa(os.Getpid())
	}
	if !validID.MatchString(o.ID) {
		return fmt.Errorf("domain id %q: up to 16 of a-z and 0-9, please", o.ID)
	}
	if o.BinDir == "" {
		o.BinDir = "bin"
	}
	if o.Trigger == "" {
		o.Trigger = TriggerHostapd
	}
	if triggers := []string{TriggerHostapd, TriggerSyslog, TriggerRadius, TriggerMIH, TriggerND}; !slices.Contains(triggers, o.Trigger) {
		return fmt.Errorf("trigger %q: one of %s, please", o.Trigger, strings.Join(triggers, ", "))
	}
	if o.Trigger == TriggerRadius && o.APAging == 0 {
		o.APAging = accountingAging
	}
	if o.MobileNodes == 0 {
		o.MobileNodes = len(MobileNodeIDs)
	}
	if o.MobileNodes < 1 || o.MobileNodes > len(MobileNodeIDs) {
		return fmt.Errorf("%d mobile nodes: 1 to %d, please", o.MobileNodes, len(MobileNodeIDs))
	}
	if o.Tunnels != "" && o.Tunnels != TunnelsStatic && o.Tunnels != TunnelsDynamic {
		return fmt.Errorf("tunnels %q: %s or %s, please", o.Tunnels, TunnelsStatic, TunnelsDynamic)
	}
	if o.WiFi && (o.Trigger != TriggerHostapd || o.CleanDetach || o.APAging != 0) {
		return errors.New("Wi-Fi: goes with the trigger hostapd only, without clean detach and aging")
	}
	return nil
}

// newDomain checks the options and claims the run directory.
func newDomain(o Options) (*Domain, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("the testbed makes network namespaces and must run as root (sudo)")
	}
	if _, err := program("ip", "iproute2"); err != nil {
		return nil, err
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	secret, err := newSecret()
	if err != nil {
		return nil, err
	}
	d := &Domain{
		ID: o.ID, Dir: filepath.Join(runDirectory, o.ID), Options: o, secret: secret, started: time.Now(),
		AccessPoints: map[string]*AccessPoint{}, processes: map[string]*process{},
	}
	if err := d.claimDirectory(); errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("a domain %q exists; take it down with `testbed down --id %s` or choose another id", o.ID, o.ID)
	} else if err != nil {
		return nil, err
	}
	return d, d.writeOwner(os.Getpid())
}

// claimDirectory makes the run directory. The last domain of the machine takes the folder of them all away when it goes, which may be
// just now.
func (d *Domain) claimDirectory() (err error) {
	for range 10 {
		if err = os.MkdirAll(runDirectory, 0o700); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err = os.Mkdir(d.Dir, 0o700); !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return err
}

// Progressf tells the person who waits what happens now.
func (d *Domain) Progressf(format string, arguments ...any) {
	if d.Options.Progress != nil {
		fmt.Fprintf(d.Options.Progress, "testbed %s %6.2fs  %s\n", d.ID, time.Since(d.started).Seconds(), fmt.Sprintf(format, arguments...))
	}
}

// addNode makes a node: a namespace with its loopback up, and a folder in the run directory.
func (d *Domain) addNode(node string) error {
	d.mu.Lock()
	d.namespaces = append(d.namespaces, node)
	d.mu.Unlock()
	if err := os.MkdirAll(d.Path(node, ""), 0o700); err != nil {
		return err
	}
	// iproute2 rather than a bare unshare: it also sets up /run/netns so that `ip netns exec` of others does not pin the name
	if out, err := exec.Command("ip", "netns", "add", d.Namespace(node)).CombinedOutput(); err != nil {
		return fmt.Errorf("namespace %s: %w: %s", d.Namespace(node), err, out)
	}
	return d.plug(end{node: node, name: "lo"})
}

// buildNetwork makes every namespace but the mobile nodes', their cables, addresses and routes.
func (d *Domain) buildNetwork() error {
	for _, node := range append([]string{NodeCore, NodeCorrespondent}, d.coreNodes()...) {
		if err := d.addNode(node); err != nil {
			return err
		}
	}
	if err := errors.Join(d.bridge(NodeCore, coreBridge, true), d.buildAir()); err != nil {
		return err
	}
	for _, node := range d.coreNodes() {
		if err := d.joinCore(node); err != nil {
			return err
		}
	}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		if err := d.buildAccessLink(mag); err != nil {
			return err
		}
	}
	if err := d.cable(end{node: NodeLMA, name: cnInterface}, end{node: NodeCorrespondent, name: hostInterface}); err != nil {
		return err
	}
	return d.connectCorrespondent()
}

// buildAir makes the radio cells of a domain without radios.
func (d *Domain) buildAir() error {
	if d.Options.WiFi {
		return hwsim.Load(2 + len(securities)) // one for each access point and mobile node
	}
	if err := d.addNode(NodeAir); err != nil {
		return err
	}
	return errors.Join(d.bridge(NodeAir, cellOf(NodeMAG1), true), d.bridge(NodeAir, cellOf(NodeMAG2), true))
}

// coreNodes are those on the core link.
func (d *Domain) coreNodes() []string {
	nodes := append([]string{NodeLMA, NodeMAG1, NodeMAG2}, d.remoteAccessPoints()...)
	if d.Options.SecondLMA {
		nodes = append(nodes, NodeLMA2)
	}
	return nodes
}

// startCharons probes the kernel and runs the IKE daemons of LMAs, MAGs and access points of their own.
func (d *Domain) startCharons() (err error) {
	if d.Options.Unprotected {
		d.ipsec = ipsecFlavour{Plugin: "none", Mode: "none"}
		return nil
	}
	if d.ipsec, err = d.probeIPsec(); err != nil {
		return err
	}
	for _, node := range d.coreNodes() {
		if err := d.startCharon(node); err != nil {
			return err
		}
	}
	return nil
}

// startAccessPoints runs hostapd in front of both MAGs.
func (d *Domain) startAccessPoints() error {
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		ap, err := d.startAccessPoint(mag)
		if ap != nil {
			d.AccessPoints[mag] = ap
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// startMobileNodes builds the mobile nodes in the first cell, or one with a radio for each security. Nothing is associated before
// Associate.
func (d *Domain) startMobileNodes() error {
	if d.Options.WiFi {
		return d.startStations()
	}
	for n := range d.Options.MobileNodes {
		mn, err := d.addMobileNode(n+1, NodeMAG1)
		if err != nil {
			return err
		}
		d.MobileNodes = append(d.MobileNodes, mn)
	}
	return nil
}

// Associate runs the supplicants and waits until each mobile node is associated.
func (d *Domain) Associate() error {
	for _, mn := range d.MobileNodes {
		begun := time.Now()
		if err := mn.startSupplicant(); err != nil {
			return err
		}
		if _, err := mn.Associate(begun); err != nil {
			return err
		}
	}
	return nil
}
