package discover

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"netlmm/mih/transport/mos"
)

const (
	client6, server6 = 546, 547
	searchOption6    = 24 // RFC 3646
	messageHeader6   = 4  // type and transaction
)

var allServers6 = netip.MustParseAddr("ff02::1:2")

// DHCPv6 asks the servers on a link for mobility services with an Information-request (RFC 8415 section 18.2.6, RFC 5678
// section 6.2). Errors are as those of DHCPv4.
func DHCPv6(ctx context.Context, link string) (Offer, error) {
	offer, err := askDHCPv6(ctx, link)
	if err != nil {
		return offer, fmt.Errorf("ask for mobility services by DHCPv6 on %s: %w", link, err)
	}
	return offer, nil
}

func askDHCPv6(ctx context.Context, name string) (Offer, error) {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return Offer{}, err
	}
	address, err := addressOn(link, func(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() })
	if err != nil {
		return Offer{}, err
	}
	request, err := dhcpv6.NewMessage(dhcpv6.WithRequestedOptions(
		dhcpv6.OptionCode(mos.OptionIPv6Address), dhcpv6.OptionCode(mos.OptionIPv6FQDN), dhcpv6.OptionCode(searchOption6)))
	if err != nil {
		return Offer{}, err
	}
	client := &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: link.HardwareAddr}
	request.MessageType = dhcpv6.MessageTypeInformationRequest
	request.AddOption(dhcpv6.OptClientID(client))
	zone := strconv.Itoa(link.Index) // the library remembers for a minute which link had a name
	conn, err := openClient(ctx, name, netip.AddrPortFrom(address.WithZone(zone), client6))
	if err != nil {
		return Offer{}, err
	}
	defer conn.Close()
	octets := func(elapsed time.Duration) []byte {
		request.UpdateOption(dhcpv6.OptElapsedTime(elapsed))
		return request.ToBytes()
	}
	return exchange(ctx, conn, netip.AddrPortFrom(allServers6.WithZone(zone), server6), octets, func(answer []byte) (Offer, bool) {
		return offer6(answer, request.TransactionID, client.ToBytes())
	})
}

// offer6 reads what may be the answer to our request. Options that are not used are not even parsed; one that is wrong is as if
// it were not there.
func offer6(octets []byte, transaction dhcpv6.TransactionID, client []byte) (offer Offer, meant bool) {
	if len(octets) < messageHeader6 || dhcpv6.MessageType(octets[0]) != dhcpv6.MessageTypeReply || dhcpv6.TransactionID(octets[1:messageHeader6]) != transaction {
		return Offer{}, false
	}
	var options dhcpv6.Options
	raw := func(code dhcpv6.OptionCode, data []byte) (dhcpv6.Option, error) {
		return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: bytes.Clone(data)}, nil
	}
	if err := options.FromBytesWithParser(octets[messageHeader6:], raw); err != nil {
		return Offer{}, false
	}
	value := func(code dhcpv6.OptionCode) []byte {
		if o, ok := options.GetOne(code).(*dhcpv6.OptionGeneric); ok {
			return o.OptionData
		}
		return nil
	}
	if echoed := value(dhcpv6.OptionClientID); echoed != nil && !bytes.Equal(echoed, client) {
		return Offer{}, false
	}
	offer.Addresses, _ = mos.ParseAddresses(mos.DHCPv6, value(dhcpv6.OptionCode(mos.OptionIPv6Address)))
	offer.Names, _ = mos.ParseNames(mos.DHCPv6, value(dhcpv6.OptionCode(mos.OptionIPv6FQDN)))
	offer.Search = searchList(value(searchOption6))
	return offer, true
}
