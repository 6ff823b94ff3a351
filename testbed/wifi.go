package testbed

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"netlmm/internal/hwsim"
)

// What secures a network of an access point. With Wi-Fi it has one for each, all on one radio, and so has the domain a mobile node.
const (
	SecurityPSK = "psk" // WPA2-PSK
	SecurityEAP = "eap" // WPA2-EAP
	SecurityFT  = "ft"  // WPA2-PSK with fast transition (IEEE 802.11r)
)

var securities = []string{SecurityPSK, SecurityEAP, SecurityFT}

// bss is one network of an access point.
type bss struct {
	Security, SSID, Interface string
	Address                   net.HardwareAddr
}

func ssidOf(security string) string { return "netlmm-" + security }

// bssOf are the networks of a MAG's access point. hostapd takes the address of the radio for the first and counts on from there, in its
// last two bits.
func bssOf(mag string) (list []bss) {
	for i, security := range securities {
		b := bss{security, ssidOf(security), radioInterface, net.HardwareAddr{0x02, 0x00, 0x5e, 0x00, 0x03, byte(16*channelOf(mag) + i)}}
		if i > 0 {
			b.Interface += "_" + security
		}
		list = append(list, b)
	}
	return list
}

// bssWith is the network of a MAG's access point with this security.
func bssWith(mag, security string) bss { return bssOf(mag)[slices.Index(securities, security)] }

// channelOf is where a MAG's access point sends, at 2.4 GHz: channels that do not overlap.
func channelOf(mag string) int {
	if mag == NodeMAG2 {
		return 6
	}
	return 1
}

// frequencies are those of both access points, in MHz.
func frequencies(separator string) string {
	return fmt.Sprintf("%d%s%d", 2407+5*channelOf(NodeMAG1), separator, 2407+5*channelOf(NodeMAG2))
}

// wifiValues are what the configuration of a MAG's hostapd says of its radio.
func wifiValues(mag string) any {
	return map[string]any{"Access": accessInterface, "Channel": channelOf(mag), "Networks": bssOf(mag), "Password": eapPassword}
}

// buildRadioLink gives a MAG that is itself the access point an access link: a bridge with the domain's link-layer address, which must not
// become a BSSID, and a radio that hostapd plugs in there.
func (d *Domain) buildRadioLink(access end) error {
	_, err := hwsim.Give(d.Namespace(access.node), radioInterface, bssOf(access.node)[0].Address)
	return errors.Join(err, d.addBridge(access, false))
}

// startStations builds a mobile node with a radio for each security.
func (d *Domain) startStations() error {
	for i, security := range securities {
		mn := &MobileNode{Node: fmt.Sprintf("mn%d", i+1), MAC: stationMAC(i + 1), Security: security, domain: d, at: NodeMAG1}
		if mn.ID = mn.MAC.String(); security == SecurityEAP {
			mn.ID = MobileNodeIDs[i]
		}
		if err := d.addNode(mn.Node); err != nil {
			return err
		}
		var err error
		if mn.phy, err = hwsim.Give(d.Namespace(mn.Node), stationInterface, mn.MAC); err != nil {
			return err
		}
		d.MobileNodes = append(d.MobileNodes, mn)
	}
	return nil
}
