package testbed

import (
	"fmt"
	"io"
)

// Guide prints how to look around in a domain that is left running.
func (d *Domain) Guide(out io.Writer) {
	nodes, move := "mn1 mn2, and the switches core and air", fmt.Sprintf("ip -n %s link set mn1 master cell2      (then: wpa_cli -p %s/mn1/supplicant -i %s reassociate)",
		d.Namespace(NodeAir), d.Dir, stationInterface)
	if d.Options.WiFi {
		nodes, move = "mn1 mn2 mn3, and the switch core", fmt.Sprintf("wpa_cli -p %s/mn1/supplicant -i %s roam %s", d.Dir, stationInterface, bssWith(NodeMAG2, SecurityPSK).Address)
	}
	fmt.Fprintf(out, `
Domain %[1]s is running; its files are in %[2]s.

Enter a node           ip netns exec %[3]s bash
   nodes               cn lma mag1 mag2 %[13]s
Ask a daemon           %[4]s/netlmmctl --socket %[5]s bindings     (also: peers, handovers, status, links; lma, mag1, mag2)
Ask an access point    hostapd_cli -p %[2]s/mag1/hostapd -i %[14]s all_sta
Ask IPsec              SWANCTL_DIR=%[2]s/lma STRONGSWAN_CONF=%[2]s/lma/strongswan.conf swanctl --list-sas
Watch the core link    ip netns exec %[6]s tcpdump -ni br0
Ping a mobile node     ip netns exec %[7]s ping ADDRESS            (its address: ip -n %[8]s addr show %[9]s)
Move mn1 to mag2       %[10]s
Revoke a binding       %[4]s/netlmmctl --socket %[11]s revoke --mobile-node %[12]s
   and attach anew     wpa_cli -p %[2]s/mn1/supplicant -i %[9]s disconnect    (then: the same with reconnect)
Read a log             tail -f %[2]s/mag1/magd.log
Take it down           testbed down --id %[1]s
`, d.ID, d.Dir, d.Namespace(NodeMAG1), d.Options.BinDir, d.AdminSocket(NodeMAG1), d.Namespace(NodeCore), d.Namespace(NodeCorrespondent),
		d.Namespace("mn1"), stationInterface, move, d.AdminSocket(NodeLMA), MobileNodeIDs[0], nodes, d.hostapdInterfaces(NodeMAG1)[0])
}
