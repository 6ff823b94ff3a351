package testbed

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"

	"netlmm/mih"
)

// RadioPort is where the MIH Function of a radio listens, on loopback: the MAG's own has the standard port.
const RadioPort = 4552

// pointOfAttachment is how the network map calls the cell of a MAG. The access links themselves all have one address (RFC 6543).
func pointOfAttachment(mag string) mih.LinkAddress {
	return mih.MACAddress([6]byte{0x02, 0x00, 0x5e, 0x00, 0x02, mag[len(mag)-1] - '0'})
}

func radioIdentity(mag string) string { return "radio." + mag + ".example.net" }

// handoverValues are what the configuration of a MAG says of handovers to the other one; nil: there are none.
func (d *Domain) handoverValues(node string) any {
	if d.Options.Handover == "" {
		return nil
	}
	type point struct {
		Address, Gateway, Network, LinkType string
		Channel                             int
	}
	neighbour := other(node)
	values := map[string]any{"Node": node, "Mode": d.Options.Handover, "Grace": d.Options.Grace, "Other": d.ikePeerOf(neighbour), "Radio": nil}
	if d.Options.WiFi {
		var points []point
		for i := range securities {
			here, there := bssOf(node)[i], bssOf(neighbour)[i]
			points = append(points, point{there.Address.String(), neighbour, there.SSID, "wlan", channelOf(neighbour)}, point{here.Address.String(), "", here.SSID, "wlan", channelOf(node)})
		}
		values["Points"], values["Signal"] = points, goingDownSignal
		return values
	}
	own := pointOfAttachment(node).String()
	values["Radio"], values["RadioPort"], values["PointOfAttachment"] = radioIdentity(node), RadioPort, own
	values["Points"] = []point{{pointOfAttachment(neighbour).String(), neighbour, "netlmm", "ethernet", 0}, {own, "", "netlmm", "ethernet", 0}}
	return values
}

// startRadio gives a MAG what its access point lacks, where handovers are handed over: a `testbed radio` beside it.
func (d *Domain) startRadio(mag string) error {
	binary, err := d.binary("testbed")
	if err != nil {
		return err
	}
	_, err = d.start(mag, "radio", nil, binary, "radio", "--mihf-id", radioIdentity(mag), "--peer", mag+".example.net",
		"--point-of-attachment", pointOfAttachment(mag).String(), "--socket", d.radioSocket(mag))
	if err != nil {
		return err
	}
	return poll(startPatience, "the radio of "+mag+" takes orders", func() (bool, error) {
		_, err := d.radio(mag, "SUBSCRIBERS")
		return err == nil, nil
	})
}

func (d *Domain) radioSocket(mag string) string { return d.Path(mag, "radio.sock") }

// radio gives the radio of a MAG an order.
func (d *Domain) radio(mag, order string) (answer string, err error) {
	conn, err := net.DialTimeout("unix", d.radioSocket(mag), 20*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return "", err
	}
	fmt.Fprintln(conn, order)
	answer, err = bufio.NewReader(conn).ReadString('\n')
	answer = strings.TrimSpace(answer)
	if problem, failed := strings.CutPrefix(answer, "FAIL "); failed {
		return "", fmt.Errorf("radio of %s: %s", mag, problem)
	}
	return answer, err
}

// GoingDown has the radio of a mobile node's access point report that its link will be lost in so long.
func (d *Domain) GoingDown(mn *MobileNode, within time.Duration) error {
	_, err := d.radio(mn.at, fmt.Sprintf("GOING-DOWN %s %v", mn.MAC, within))
	return err
}
