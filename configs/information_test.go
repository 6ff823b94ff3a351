package configs

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"netlmm/mih"
)

// server is an information server.
const server = `
mih: {mihf_id: info, listen: ["2001:db8:f0::9"]}
information:
  gateways: [{name: mag1, mihf_id: mag1.example.net, address: "2001:db8:f0::1"}, {name: mag2, address: 192.0.2.2}, {name: mag3, mihf_id: mag3.example.net}]
  points_of_attachment:
    - {address: "02:00:00:00:00:10", gateway: mag1, mihf_id: ap1, network_id: Café, channel: 36, subnets: ["2001:db8:100::/40", 10.1.0.0/16], neighbours: ["02:00:00:00:00:20"]}
    - {address: "02:00:00:00:00:20", link_type: ethernet}
security: {mode: none}
`

var serverRefusals = map[string]refusal{
	"a gateway without a name":    {"{name: mag3, ", "{", "information.gateways[2].name: is missing"},
	"a gateway twice":             {"name: mag3", "name: mag2", "information.gateways[2].name: \"mag2\": stands twice"},
	"a gateway that is nowhere":   {"{name: mag3, mihf_id: mag3.example.net}", "{name: mag3}", "information.gateways[2]: has neither mihf_id nor address"},
	"a gateway of every address":  {"address: 192.0.2.2", "address: \"::\"", "information.gateways[1].address"},
	"a gateway's name with blank": {"mihf_id: mag3.example.net", "mihf_id: mag 3", "information.gateways[2].mihf_id"},
	"a gateway that is none":      {"gateway: mag1", "gateway: mag7", "information.points_of_attachment[0].gateway: \"mag7\": want the name of one of information.gateways, or nothing where none is known"},
	"a point twice":               {`{address: "02:00:00:00:00:20"`, `{address: "02:00:00:00:00:10"`, "information.points_of_attachment[1].address: \"02:00:00:00:00:10\": stands twice"},
	"a subnet with more bits":     {"10.1.0.0/16", "10.1.0.1/16", "information.points_of_attachment[0].subnets[1]: \"10.1.0.1/16\": has bits behind its length"},
	"a neighbour that is a group": {`neighbours: ["02:`, `neighbours: ["03:`, "information.points_of_attachment[0].neighbours[0]"},
	"17 subnets":                  {`"2001:db8:100::/40"`, strings.Repeat(`"2001:db8:100::/40", `, 16) + `"2001:db8:100::/40"`, "subnets: has 18 entries: want at most 16"},
	"33 neighbours":               {`neighbours: [`, "neighbours: [" + strings.Repeat(`"02:00:00:00:00:20", `, 32), "neighbours: has 33 entries: want at most 32"},
	"an unknown key":              {"gateway: mag1", "magd: mag1", "unknown key(s): magd"},
}

func TestInformationIsRead(t *testing.T) {
	c, err := LoadMihd(write(t, server))
	if err != nil {
		t.Fatal(err)
	}
	want := Information{
		Gateways: []InformationGateway{
			{"mag1", "mag1.example.net", netip.MustParseAddr("2001:db8:f0::1")}, {Name: "mag2", Address: netip.MustParseAddr("192.0.2.2")}, {Name: "mag3", MIHFID: "mag3.example.net"},
		},
		PointsOfAttachment: []PointOfAttachment{
			{
				Address: mih.MACAddress([6]byte{2, 0, 0, 0, 0, 0x10}), LinkType: mih.LinkType80211, Gateway: "mag1", MIHFID: "ap1", NetworkID: "Café", Channel: 36,
				Subnets:    []netip.Prefix{netip.MustParsePrefix("2001:db8:100::/40"), netip.MustParsePrefix("10.1.0.0/16")},
				Neighbours: []mih.LinkAddress{mih.MACAddress([6]byte{2, 0, 0, 0, 0, 0x20})},
			},
			{Address: mih.MACAddress([6]byte{2, 0, 0, 0, 0, 0x20}), LinkType: mih.LinkTypeEthernet},
		},
	}
	if fmt.Sprint(c.Information) != fmt.Sprint(want) || !reflect.DeepEqual(c.Information.Gateways, want.Gateways) || !c.Information.Serves() {
		t.Errorf("%+v, want %+v", c.Information, want)
	}
	c, err = LoadMihd(write(t, function))
	if err != nil || c.Information.Serves() {
		t.Errorf("%+v, %v", c.Information, err)
	}
}
