package mihnode

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mih"
)

// query asks the admin API as a client does.
func query[T any](b *bench, path string, parameters ...string) (result T, err error) {
	b.t.Helper()
	p := daemon.Parameters{}
	for i := 0; i < len(parameters); i += 2 {
		p[parameters[i]] = []string{parameters[i+1]}
	}
	answer, err := b.Queries()["GET "+path](b.t.Context(), p)
	if err != nil {
		return result, err
	}
	text, err := json.Marshal(answer)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &result); err != nil {
		b.t.Fatalf("%v in %s", err, text)
	}
	return result, nil
}

func must[T any](b *bench, path string, parameters ...string) T {
	b.t.Helper()
	result, err := query[T](b, path, parameters...)
	if err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	return result
}

func TestAdmin(t *testing.T) {
	sap := &commanded{accessPoint: newAccessPoint(1)}
	ap := run(t, "ap", ap6, []configs.MIHPeer{peer("mag", mag6)}, sap)
	mag := run(t, "mag", mag6, []configs.MIHPeer{
		peer("ap", ap6), peer("gone", netip.MustParseAddr("2001:db8:f0::98"), protectedly), peer("stranger", netip.MustParseAddr("2001:db8:f0::99"), unnamed, overTCP),
	})
	mag.subscribe("ap")
	mag.expect(mih.EventLinkUp, 1)
	eventually(t, "the gateway knows what the access point is", func() bool {
		peers := must[[]api.MIHPeer](mag, api.PathMIHPeers)
		i := slices.IndexFunc(peers, func(p api.MIHPeer) bool { return p.MIHFID == "ap" })
		c := peers[i].Capabilities
		return c != nil && len(c.Links) == 1 && c.Links[0] == api.MIHLink{Technology: "IEEE 802.11", Address: pointOfAttachment} && peers[i].RoundTrip > 0 &&
			slices.Contains(c.Commands, "Link_Get_Parameters") && slices.Contains(c.Events, "Link_Parameters_Report") && slices.Equal(c.Transports, []string{"udp", "tcp"})
	})
	m := must[api.MIH](mag, api.PathMIH)
	var states []string
	for _, p := range m.Peers {
		states = append(states, p.Name+" "+p.Transport+" "+p.State+" "+p.Protection)
	}
	if got := strings.Join(states, ", "); got != "stranger tcp unnamed none, ap udp up none, gone udp unknown waits" {
		t.Errorf("peers: %s", got)
	}
	if len(m.Links) != 1 || m.Links[0].Source != "ap" || m.Links[0].State != "up" || len(m.Subscriptions) != 1 || m.Subscriptions[0].At != "ap" || !m.Subscriptions[0].Stands {
		t.Errorf("links %+v, subscriptions %+v", m.Links, m.Subscriptions)
	}
	if transactions := must[[]api.MIHTransaction](mag, api.PathMIHTransactions); len(transactions) != 1 || transactions[0].Peer != "gone" || transactions[0].Attempts != 0 {
		t.Errorf("transactions %+v", transactions)
	}
	if s := must[[]api.MIHSubscription](ap, api.PathMIHSubscriptions); len(s) != 1 || s[0].User != "mag" || s[0].At != "ap" {
		t.Errorf("at the access point: %+v", s)
	}
	status, warnings, err := mag.Status(t.Context())
	if err != nil || status.Peers != 3 || status.PeersUp != 1 || status.Links != 1 || len(warnings) != 1 || !strings.Contains(warnings[0], "stranger") {
		t.Errorf("status %+v, %q, %v", status, warnings, err)
	}
	if _, warnings, _ := ap.Status(t.Context()); len(warnings) != 1 || warnings[0] != "fake: wlan1 is not reached: switched off" {
		t.Errorf("at the access point: %q", warnings)
	}
	operatorsQuestions(t, mag, ap)
}

func operatorsQuestions(t *testing.T, mag, ap *bench) {
	for _, transport := range []string{"udp", "tcp"} {
		d := must[api.MIHDiscovery](mag, api.PathMIHDiscovery, "address", ap6.String(), "transport", transport)
		if d.MIHFID != "ap" || d.Transport != transport || len(d.Capabilities.Links) != 1 {
			t.Errorf("discovered %+v", d)
		}
	}
	for _, from := range []*bench{mag, ap} {
		got := must[api.MIHParameters](from, api.PathMIHParameters, "peer", "ap", "link", station(1).Address.String())
		if got.Status != "success" || len(got.Links) != 1 || got.Links[0].Mode != "power_save" || *got.Links[0].Channel != 6 ||
			!slices.Equal(got.Links[0].Parameters, []api.MIHParameter{{Name: "802.11_rssi", Value: -60, Unit: "dBm"}, {Name: "qos_classes", Value: 4}}) {
			t.Errorf("parameters %+v", got)
		}
	}
	if got := must[api.MIHParameters](mag, api.PathMIHParameters, "peer", "ap", "link", station(1).Address.String(), "type", "ethernet"); got.Status != "rejected" {
		t.Errorf("of an ethernet link: %+v", got)
	}
	for _, wrong := range [][]string{
		{api.PathMIHDiscovery}, {api.PathMIHDiscovery, "address", "ap"}, {api.PathMIHDiscovery, "address", "::1", "port", "70000"},
		{api.PathMIHDiscovery, "address", "::1", "transport", "sctp"}, {api.PathMIHParameters, "link", "x"},
		{api.PathMIHParameters, "link", "02:00:00:00:00:01", "type", "token ring"}, {api.PathMIHParameters, "peer", "nobody", "link", "02:00:00:00:00:01"},
	} {
		if got, err := query[map[string]any](mag, wrong[0], wrong[1:]...); err == nil {
			t.Errorf("%q: %v", wrong, got)
		}
	}
}
