package wire

import (
	"net/netip"

	"netlmm/mih"
)

// Least numbers of octets of the elements of lists.
const leastOperatorID = 2

// operatorID is OPERATOR_ID.
func operatorID(c *coder, v *mih.OperatorID) {
	octets(c, &v.Name)
	octet(c, &v.Namespace)
}

// countryCode is CNTRY_CODE.
func countryCode(c *coder, v *mih.CountryCode) { fixed(c, v[:]) }

// cost is COST.
func cost(c *coder, v *mih.Cost) {
	octet(c, &v.Unit)
	uint32s(c, &v.Integer)
	uint16s(c, &v.Thousandths)
	fixed(c, v.Currency[:])
}

// regulatoryDomain is REGU_DOMAIN.
func regulatoryDomain(c *coder, v *mih.RegulatoryDomain) {
	countryCode(c, &v.Country)
	octet(c, &v.Class)
}

// ipConfiguration is IP_CONFIG.
func ipConfiguration(c *coder, v *mih.IPConfiguration) {
	bitmap32(c, &v.Methods)
	for _, address := range [...]*netip.Addr{&v.DHCPServer, &v.ForeignAgent, &v.AccessRouter} {
		if c.present(address.IsValid()) {
			ipAddress(c, address)
		}
	}
}

// proxyAddress is PROXY_ADDR, whose IP addresses have no family before them.
func proxyAddress(c *coder, v *mih.ProxyAddress) {
	selector := uint8(2)
	switch {
	case v.Address.Is4():
		selector = 0
	case v.Address.IsValid():
		selector = 1
	}
	if c.choice(&selector, 3); selector == 2 {
		octets(c, &v.Name)
		return
	}
	octets := v.Address.AsSlice()
	if !c.encoding {
		octets = make([]byte, [...]int{4, 16}[selector])
	}
	if fixed(c, octets); !c.encoding {
		v.Address, _ = netip.AddrFromSlice(octets)
	}
}

// channelRange is CH_RANGE.
func channelRange(c *coder, v *mih.ChannelRange) {
	uint32s(c, &v.Low)
	uint32s(c, &v.High)
}

// subnet is IP_SUBNET_INFO. The bits of the address beyond the prefix stay as they are.
func subnet(c *coder, v *netip.Prefix) {
	at, length, address := c.at, uint8(v.Bits()), v.Addr()
	octet(c, &length)
	ipAddress(c, &address)
	if c.encoding {
		return
	}
	if *v = netip.PrefixFrom(address, int(length)); !v.IsValid() {
		c.fail(at, "prefix of %d bits", length)
	}
}

// systemInformation is SYSTEM_INFO.
func systemInformation(c *coder, v *mih.SystemInformation) {
	networkType(c, &v.Network)
	linkAddress(c, &v.Address)
	if c.present(v.WiMAX != nil || v.UMTS != nil || v.CDMA2000 != nil) {
		systemParameters(c, v)
	}
}

// systemParameters is PARAMETERS.
func systemParameters(c *coder, v *mih.SystemInformation) {
	selector := uint8(2)
	switch {
	case v.WiMAX != nil:
		selector = 0
	case v.UMTS != nil:
		selector = 1
	}
	switch c.choice(&selector, 3); selector {
	case 0:
		item(c, &v.WiMAX, wimaxChannels)
	case 1:
		item(c, &v.UMTS, umtsSystemBlock)
	default:
		item(c, &v.CDMA2000, cdma2000Parameter)
	}
}

// item is a part that is there by a selector that was seen to.
func item[T any](c *coder, v **T, part func(*coder, *T)) {
	if !c.encoding {
		*v = new(T)
	}
	part(c, *v)
}

// wimaxChannels is DCD_UCD.
func wimaxChannels(c *coder, v *mih.WiMAXChannels) {
	uint16s(c, &v.BaseID)
	uint16s(c, &v.Bandwidth)
	uint64s(c, &v.Centre)
	signedOctet(c, &v.EIRP)
	uint16s(c, &v.TransmitGap)
	octet(c, &v.ReceiveGap)
	fixed(c, v.DownlinkBurst[:])
	fixed(c, v.UplinkBurst[:])
	signedOctet(c, &v.InitialCode)
	signedOctet(c, &v.HandoverCode)
}

// umtsSystemBlock is SIB.
func umtsSystemBlock(c *coder, v *mih.UMTSSystemBlock) {
	uint32s(c, &v.Cell)
	uint16s(c, &v.Code)
}

// cdma2000Parameter is SYS_PARAMS.
func cdma2000Parameter(c *coder, v *mih.CDMA2000Parameter) {
	uint16s(c, &v.BaseID)
	uint16s(c, &v.PilotPN)
	uint16s(c, &v.Frequency)
	octet(c, &v.BandClass)
}

// gateway is an element of this project.
func gateway(c *coder, v *mih.Gateway) {
	mihfID(c, &v.MIHF)
	octets(c, &v.Name)
}
