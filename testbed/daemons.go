package testbed

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// daemonOf is the project's daemon that runs in a node.
func daemonOf(node string) string {
	switch node {
	case NodeLMA, NodeLMA2:
		return "lmad"
	case NodeAP1, NodeAP2:
		return "mihd"
	}
	return "magd"
}

// binary finds one of the project's own programs.
func (d *Domain) binary(name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(d.Options.BinDir, name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not in %s; build it with `make build`, or name the folder with --bin-dir", name, d.Options.BinDir)
	}
	return path, nil
}

// StartDaemons writes the configurations of lmad and both magd, runs them, and waits until their admin APIs answer.
func (d *Domain) StartDaemons() error {
	for _, node := range append([]string{NodeLMA, NodeMAG1, NodeMAG2}, d.remoteAccessPoints()...) {
		if err := d.StartDaemon(node); err != nil {
			return err
		}
		if d.Options.Handover != "" && !d.Options.WiFi && daemonOf(node) == "magd" {
			if err := d.startRadio(node); err != nil {
				return err
			}
		}
	}
	return nil
}

// StartDaemon writes the configuration of a node's daemon and runs it.
func (d *Domain) StartDaemon(node string) error {
	if err := d.writeDaemonConfiguration(node); err != nil {
		return err
	}
	name := daemonOf(node)
	binary, err := d.binary(name)
	if err != nil {
		return err
	}
	if _, err := d.start(node, name, nil, binary, "--config", d.Path(node, name+".yaml")); err != nil {
		return err
	}
	return d.waitDaemon(node)
}

// writeDaemonConfiguration fills in the template of a node's daemon.
func (d *Domain) writeDaemonConfiguration(node string) error {
	values := map[string]any{"LMAAddress": d.ikePeerOf(NodeLMA).Address, "LogLevel": "info", "Tunnels": d.Options.Tunnels, "Unprotected": d.Options.Unprotected}
	switch daemonOf(node) {
	case "lmad":
		values["Pool"] = HNPPool
		values["IPv4Pool"], values["IPv4DefaultRouter"] = IPv4Pool, IPv4DefaultRouter
		if node == NodeLMA2 {
			values["LMAAddress"], values["Pool"] = d.ikePeerOf(node).Address, HNPPool2
			values["IPv4Pool"], values["IPv4DefaultRouter"] = IPv4Pool2, IPv4DefaultRouter2
		}
		values["MAGs"] = []ikePeer{d.ikePeerOf(NodeMAG1), d.ikePeerOf(NodeMAG2)}
	case "mihd":
		values["Address"], values["MAG"] = d.ikePeerOf(node).Address, d.ikePeerOf(gatewayOf(node))
	default:
		values["Address"] = d.ikePeerOf(node).Address
		values["LMAIdentity"] = IKEIdentity(NodeLMA)
		values["Gateways"] = []ikePeer{d.ikePeerOf(other(node))}
		values["Trigger"], values["WiFi"], values["Hostapd"] = d.Options.Trigger, d.Options.WiFi, d.hostapdInterfaces(node)
		values["SyslogListen"], values["SyslogSource"] = syslogListenOnMAG, syslogAPAddress
		values["Handover"] = d.handoverValues(node)
		values["OwnLinkLocal"] = nil
		if d.Options.OwnAddresses {
			values["OwnLinkLocal"] = ownLinkLocalAddress(node)
		}
		if err := os.WriteFile(d.Path(node, "radius.secret"), []byte(d.secret+"\n"), 0o600); err != nil {
			return err
		}
		values["AccessPoint"], values["PointOfAttachment"] = nil, nil
		if ap, _ := d.accessPoint(node); ap != node {
			values["AccessPoint"], values["PointOfAttachment"] = d.ikePeerOf(ap), pointOfAttachment(node)
		}
	}
	return d.render(daemonOf(node)+".yaml.tmpl", node, daemonOf(node)+".yaml", values)
}

// waitDaemon returns when a daemon's admin API answers.
func (d *Domain) waitDaemon(node string) error {
	var last error
	err := poll(startPatience, daemonOf(node)+" of "+node+" answers", func() (bool, error) {
		daemon, err := d.process(node, daemonOf(node))
		if err != nil {
			return false, err
		}
		if !daemon.running() {
			return false, fmt.Errorf("%s of %s ended at start:\n%s", daemonOf(node), node, d.tail(node, daemonOf(node)))
		}
		_, last = d.Status(node)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// Ask runs netlmmctl against a node's daemon and decodes its JSON into result.
func (d *Domain) Ask(node string, result any, arguments ...string) error {
	binary, err := d.binary("netlmmctl")
	if err != nil {
		return err
	}
	out, err := d.execute(node, nil, append([]string{binary, "--socket", d.AdminSocket(node), "--json"}, arguments...)...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), result); err != nil {
		return fmt.Errorf("netlmmctl of %s: %w", node, err)
	}
	return nil
}

// DaemonStatus is the part of a daemon's status that reports and tests look at.
type DaemonStatus struct {
	Bindings   int `json:"bindings"`
	Forwarding struct {
		Backend string `json:"backend"`
		Tunnels []struct {
			Peer    netip.Addr `json:"peer"`
			Entries int        `json:"entries"`
		} `json:"tunnels"`
		Held struct {
			Prefixes int `json:"prefixes"`
		} `json:"held"`
		Offload struct {
			Packets uint64 `json:"packets"`
			Octets  uint64 `json:"octets"`
		} `json:"offload"`
	} `json:"forwarding"`
	Security struct {
		Filter       bool   `json:"filter"`
		KernelPlugin string `json:"kernel_plugin"`
		DroppedClear uint64 `json:"dropped_clear"`
		PeersUp      int    `json:"peers_up"`
	} `json:"security"`
	Counters map[string]uint64 `json:"counters"`
	Warnings []string          `json:"warnings"`
}

// Status asks a node's daemon for its status.
func (d *Domain) Status(node string) (s DaemonStatus, err error) {
	return s, d.Ask(node, &s, "status")
}

// Trace is one handover as the MAG that the mobile node moved to saw it.
type Trace struct {
	CorrelationID uint64    `json:"correlation_id"`
	Station       string    `json:"mobile_node_link_layer_id"`
	Trigger       string    `json:"trigger"`
	LinkUp        time.Time `json:"link_up"`
	L2AttachToPBU float64   `json:"l2_attach_to_pbu_ms"`
	PBUToPBA      float64   `json:"pbu_to_pba_ms"`
	PBAToRA       float64   `json:"pba_to_ra_ms"`
	Total         float64   `json:"total_ms"`
	Attempts      int       `json:"attempts"`
	Outcome       string    `json:"outcome"`
	Mode          string    `json:"mode"`          // how the gateway that it came from helped; "": not
	BufferedMost  int       `json:"buffered_most"` // packets that were kept for it at one time
}

// Handovers asks a MAG for every handover that it remembers, oldest first.
func (d *Domain) Handovers(mag string) (traces []Trace, err error) {
	return traces, d.Ask(mag, &traces, "handovers", "--last", "0")
}
