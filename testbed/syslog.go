package testbed

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// SendSyslog sends a line by UDP to a MAG's syslog port, from the address of its access point.
func (d *Domain) SendSyslog(mag, line string) error {
	conn, err := d.dialSyslog(mag)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Write([]byte(line))
	return err
}

// dialSyslog opens the socket from which the access point of a MAG logs to it.
func (d *Domain) dialSyslog(mag string) (conn *net.UDPConn, err error) {
	from := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(syslogAPAddress), 0))
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(syslogListenOnMAG), 514))
	err = d.in(mag, func() error {
		conn, err = net.DialUDP("udp4", from, to)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("syslog of the access point of %s: %w", mag, err)
	}
	return conn, nil
}

// ciscoAssociation is what an Aironet access point logs when a station associates.
func ciscoAssociation(station net.HardwareAddr, at time.Time) string {
	return fmt.Sprintf("<190>*%s: %%DOT11-6-ASSOC: Interface Dot11Radio0, Station   %s Associated KEY_MGMT[NONE]",
		at.UTC().Format("Jan _2 15:04:05.000"), ciscoMAC(station))
}

// ciscoDisassociation is what it logs when it forgets a station.
func ciscoDisassociation(station net.HardwareAddr, at time.Time) string {
	return fmt.Sprintf("<190>*%s: %%DOT11-4-MAXRETRIES: Packet to client %s reached max retries, removing the client",
		at.UTC().Format("Jan _2 15:04:05.000"), ciscoMAC(station))
}

// ciscoMAC writes an address in Cisco's dotted form.
func ciscoMAC(a net.HardwareAddr) string {
	return fmt.Sprintf("%02x%02x.%02x%02x.%02x%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}
