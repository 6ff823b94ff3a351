package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"netlmm/cmd/internal/api"
	"netlmm/internal/netnstest"
	"netlmm/mih"
	"netlmm/mih/wire"
)

var (
	phone  = mih.MACAddress([6]byte{2, 0, 0, 0, 0x10, 1})
	laptop = mih.MACAddress([6]byte{2, 0, 0, 0, 0x10, 2})
	tablet = mih.MACAddress([6]byte{2, 0, 0, 0, 0x10, 3})
	watch  = mih.MACAddress([6]byte{2, 0, 0, 0, 0x10, 4})
)

// TestAnAccessPointWithoutAGateway: mihd as a process, between a real hostapd and a subscriber elsewhere.
func TestAnAccessPointWithoutAGateway(t *testing.T) {
	l := newLab(t)
	l.withHostapd()
	gateway := newSubscriber(t)
	eventually(t, "mihd knows its subscriber", func() bool { return l.mihd.said("an MIH peer is subscribed") })
	l.hostapd("new_sta", phone.String())
	up := gateway.expect(mih.EventLinkUp, phone)
	if poa := up.Event.LinkTuple().PointOfAttachment.String(); poa != accessPointAddress(t) || up.Source != "ap" {
		t.Errorf("%+v, want the access point %s", up, accessPointAddress(t))
	}
	l.hostapd("disassociate", phone.String())
	gateway.expect(mih.EventLinkDown, phone)
	l.hostapd("new_sta", laptop.String())
	gateway.expect(mih.EventLinkUp, laptop)
	shown(t, l)
	commanded(t, gateway)

	l.hostapd("new_sta", tablet.String()) // hostapd knows the others for a while yet
	gateway.expect(mih.EventLinkUp, tablet)
	l.hostapd("new_sta", watch.String())
	gateway.expect(mih.EventLinkUp, watch)
	if err := l.stop(syscall.SIGKILL); err == nil {
		t.Error("mihd outlived SIGKILL")
	}
	l.hostapd("disassociate", tablet.String())
	l.start()
	gateway.expect(mih.EventLinkDown, tablet) // and nothing of the one that stayed
	l.hostapd("disassociate", watch.String())
	gateway.expect(mih.EventLinkDown, watch)
	if err := l.stop(syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// protected is a configuration whose one peer needs a security association.
func (l *lab) protected() string {
	return fmt.Sprintf(`
mih:
  mihf_id: ap
  listen: ["2001:db8:f0::21"]
  peers: [{name: gateway, address: "2001:db8:f0::1"}]
security:
  mode: ipsec
  vici_socket: %[1]s/vici
  peers: [{name: gateway, address: "2001:db8:f0::1", identity: mag1, managed_by: swanctl}]
admin: {socket: %[1]s/mihd.sock}
metrics: {listen: ""}
`, l.dir)
}

// TestNothingInClear: without charon nothing is said to a protected peer, and the packet filter stands for MIH alone.
func TestNothingInClear(t *testing.T) {
	l := newLab(t)
	l.write("mihd.yaml", l.protected())
	l.start()
	var s api.Status
	if err := l.client.Get(t.Context(), api.PathStatus, &s); err != nil {
		t.Fatal(err)
	}
	if !s.Security.Filter || s.Security.CharonReached || s.MIH.PeersUp != 0 {
		t.Errorf("%+v", s)
	}
	var peers []api.MIHPeer
	if err := l.client.Get(t.Context(), api.PathMIHPeers, &peers); err != nil || len(peers) != 1 || peers[0].State != "unnamed" || peers[0].Protection != "waits" {
		t.Errorf("%+v, %v", peers, err)
	}
	rules, err := exec.Command("nft", "list", "table", "inet", "netlmm_mihd").Output()
	if text := string(rules); err != nil || !strings.Contains(text, "4551") || strings.Contains(text, "mobility-header") || strings.Contains(text, "135") {
		t.Errorf("%v\n%s", err, text)
	}
	if err := l.stop(syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// TestOneInANamespace: whatever its configuration says, and wherever its socket is, a second mihd does not start beside a running one, and
// --clean takes nothing of it away until it is gone.
func TestOneInANamespace(t *testing.T) {
	l := newLab(t)
	configuration := l.protected()
	l.write("mihd.yaml", configuration)
	l.write("other.yaml", strings.Replace(configuration, "mihd.sock", "other.sock", 1))
	l.write("bad.yaml", configuration+"unknown: 1\n")
	l.start()
	run := func(words ...string) (string, error) {
		cmd := exec.Command("/proc/self/exe", words...)
		cmd.Env = append(os.Environ(), asDaemon+"=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if err := os.Remove(l.dir + "/mihd.sock"); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"--config", l.dir + "/other.yaml"}, {"--clean", "--config", l.dir + "/other.yaml"}, {"--clean", "--config", l.dir + "/bad.yaml"}, {"--clean"}} {
		if out, err := run(words...); err == nil || !strings.Contains(out, fmt.Sprintf("mihd runs in this network namespace already (process %d of user 0)", l.mihd.cmd.Process.Pid)) {
			t.Errorf("%q beside it: %v\n%s", words, err, out)
		}
		if err := netnstest.Command("nft list table inet netlmm_mihd"); err != nil {
			t.Fatalf("%q: %v", words, err)
		}
	}
	if err := l.stop(syscall.SIGKILL); err == nil {
		t.Error("mihd outlived SIGKILL")
	}
	for _, want := range []string{"removed nftables table inet netlmm_mihd\n", "nothing to remove\n"} {
		if out, err := run("--clean", "--config", l.dir+"/bad.yaml"); err != nil || out != want {
			t.Errorf("without it: %v, %q, want %q", err, out, want)
		}
	}
}

// shown is what an operator sees.
func shown(t *testing.T, l *lab) {
	var m api.MIH
	eventually(t, "the access point's own address is a capability", func() bool {
		if err := l.client.Get(t.Context(), api.PathMIH, &m); err != nil {
			t.Fatal(err)
		}
		return len(m.Capabilities.Links) == 1 && m.Capabilities.Links[0].Address.String() == accessPointAddress(t)
	})
	if m.MIHFID != "ap" || len(m.Links) != 2 || len(m.Peers) != 1 || m.Peers[0].State != "up" || len(m.Subscriptions) != 2 {
		t.Errorf("%+v", m)
	}
	var s api.Status
	if err := l.client.Get(t.Context(), api.PathStatus, &s); err != nil {
		t.Fatal(err)
	}
	if s.Daemon != "mihd" || s.Address.String() != "2001:db8:f0::21" || s.MIH == nil || s.MIH.Links != 1 || s.MIH.PeersUp != 1 || s.Counters["netlmm_mih_link_events_total{Link_Up}"] != 2 {
		t.Errorf("%+v", s)
	}
	if w := strings.Join(s.Warnings, "; "); w != "security.mode is none: the control channel is in clear" {
		t.Errorf("warnings: %s", w)
	}
	for _, said := range []string{"link up", "link down", "station=" + phone.String(), "mihf_id=mag"} {
		if !l.mihd.said(said) {
			t.Errorf("the log has no %q", said)
		}
	}
}

// commanded has hostapd carry out what the gateway commands.
func commanded(t *testing.T, gateway *subscriber) {
	link := mih.LinkID{Type: mih.LinkTypeEthernet, Address: laptop}
	answer, err := gateway.Ask(t.Context(), "ap", wire.LinkGetParametersRequest{Links: []mih.LinkID{link}, Status: mih.LinkStatusRequest{States: mih.AskOperationMode}})
	if got, ok := answer.(wire.LinkGetParametersResponse); err != nil || !ok || got.Status != mih.StatusSuccess || len(got.Links) != 1 {
		t.Errorf("parameters: %+v, %v", answer, err)
	}
	// Steering is for the Wi-Fi only: hostapd is asked, and says that it cannot.
	move := wire.NetHOCommitRequest{LinkType: link.Type, Targets: []mih.TargetNetwork{{PointOfAttachment: tablet}}, Actions: []mih.LinkActionRequest{{Link: link}}}
	answer, err = gateway.Ask(t.Context(), "ap", move)
	if got, ok := answer.(wire.NetHOCommitResponse); err != nil || !ok || got.Status != mih.StatusRejected || len(got.Results) != 1 || got.Results[0].Outcome != mih.ActionIncapable {
		t.Errorf("steering: %+v, %v", answer, err)
	}
	disconnect := mih.LinkActionRequest{Link: link, Action: mih.LinkAction{Type: mih.ActionDisconnect}}
	answer, err = gateway.Ask(t.Context(), "ap", wire.LinkActionsRequest{Actions: []mih.LinkActionRequest{disconnect}})
	if got, ok := answer.(wire.LinkActionsResponse); err != nil || !ok || len(got.Results) != 1 || got.Results[0].Outcome != mih.ActionSucceeded {
		t.Errorf("actions: %+v, %v", answer, err)
	}
	gateway.expect(mih.EventLinkDown, laptop)
}

func TestCheck(t *testing.T) {
	check := func(file string) (string, error) {
		cmd := exec.Command("/proc/self/exe", "--check", "--config", file)
		cmd.Env = append(os.Environ(), asDaemon+"=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := check("../../configs/examples/mihd.yaml"); err != nil || !strings.HasSuffix(out, ": good\n") {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := check("../../configs/examples/lmad.yaml"); err == nil {
		t.Errorf("that of another daemon: %s", out)
	}
}
