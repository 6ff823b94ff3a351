package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"netlmm/cmd/internal/api"
	"netlmm/mih"
	"netlmm/mih/miis"
	"netlmm/mih/wire"
)

// TestAnInformationServer: mihd as a process that has no access point and answers what its configuration says.
func TestAnInformationServer(t *testing.T) {
	l := newLab(t)
	l.write("mihd.yaml", fmt.Sprintf(`
mih:
  mihf_id: ap
  listen: ["2001:db8:f0::21"]
  peers: [{name: gateway, mihf_id: mag, address: "2001:db8:f0::1", protection: none}]
information:
  gateways: [{name: mag2, mihf_id: mag2.example.net, address: "2001:db8:f0::2"}]
  points_of_attachment:
    - {address: "02:00:00:00:00:20", gateway: mag2, network_id: example, channel: 36, subnets: ["2001:db8:200::/40"], neighbours: ["02:00:00:00:00:30"]}
    - {address: "02:00:00:00:00:30", network_id: example}
security: {mode: none}
admin: {socket: %[1]s/mihd.sock}
metrics: {listen: ""}
`, l.dir))
	l.start()
	gateway := newSubscriber(t)
	poa := mih.MACAddress([6]byte{2, 0, 0, 0, 0, 0x20})
	body, err := gateway.Ask(t.Context(), "ap", miis.QueryPointOfAttachment(poa))
	answer, _ := body.(wire.GetInformationResponse)
	if err != nil || answer.Status != mih.StatusSuccess {
		t.Fatalf("%+v, %v", body, err)
	}
	points := miis.PointsOfAttachment(answer.Information)
	if len(points) != 1 {
		t.Fatalf("%+v", points)
	}
	p := points[0]
	if p.Address != poa || p.NetworkID != "example" || p.Channel != 36 || len(p.Subnets) != 1 || len(p.Neighbours) != 1 ||
		p.Gateway != (miis.Gateway{Name: "mag2", MIHF: "mag2.example.net", Address: netip.MustParseAddr("2001:db8:f0::2")}) {
		t.Errorf("%+v", p)
	}
	if body, err = gateway.Ask(t.Context(), "ap", wire.GetInformationRequest{RDFQueries: []mih.RDFData{{Data: "SELECT"}}}); err != nil || body.(wire.GetInformationResponse).Status != mih.StatusRejected {
		t.Errorf("RDF: %+v, %v", body, err)
	}
	var m api.MIH
	if err := l.client.Get(t.Context(), api.PathMIH, &m); err != nil || !strings.Contains(strings.Join(m.Capabilities.Queries, " "), "poa_link_address") {
		t.Errorf("%+v, %v", m.Capabilities, err)
	}
	var s api.Status
	if err := l.client.Get(t.Context(), api.PathStatus, &s); err != nil || s.Counters["netlmm_mih_information_total{requests}"] != 2 {
		t.Errorf("%v, %v", s.Counters, err)
	}
}
