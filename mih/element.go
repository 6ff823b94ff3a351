package mih

import "fmt"

// ElementType is the type of an information element (Annex G). Beside it stands the type of Element.Value.
type ElementType uint32

// Information elements of networks. The containers hold elements, []Element.
const (
	ElementNetworkType           ElementType = 0x10000000 // NetworkType
	ElementOperatorID            ElementType = 0x10000001 // OperatorID
	ElementServiceProviderID     ElementType = 0x10000002 // string
	ElementCountryCode           ElementType = 0x10000003 // CountryCode
	ElementNetworkID             ElementType = 0x10000100 // string: an SSID
	ElementNetworkAuxID          ElementType = 0x10000101 // string: an HESSID
	ElementRoamingPartners       ElementType = 0x10000102 // []OperatorID
	ElementCost                  ElementType = 0x10000103 // Cost
	ElementNetworkQoS            ElementType = 0x10000105 // QoSList
	ElementNetworkDataRate       ElementType = 0x10000106 // uint32: kb/s
	ElementRegulatoryDomain      ElementType = 0x10000107 // RegulatoryDomain
	ElementFrequencyBands        ElementType = 0x10000108 // []uint32: kHz
	ElementIPConfiguration       ElementType = 0x10000109 // IPConfiguration
	ElementNetworkCapabilities   ElementType = 0x1000010a // NetworkCapabilities
	ElementSupportedLCP          ElementType = 0x1000010b // LocationProtocol
	ElementMobilityManagement    ElementType = 0x1000010c // MobilityManagement
	ElementEmergencyServiceProxy ElementType = 0x1000010d // ProxyAddress
	ElementIMSProxyCSCF          ElementType = 0x1000010e // ProxyAddress
	ElementMobileNetwork         ElementType = 0x1000010f // bool: the network itself moves
)

// Information elements of points of attachment. The last three are of IEEE 802.21a.
const (
	ElementPoALinkAddress           ElementType = 0x10000200 // LinkAddress
	ElementPoALocation              ElementType = 0x10000201 // Location
	ElementPoAChannelRange          ElementType = 0x10000202 // ChannelRange
	ElementPoASystemInformation     ElementType = 0x10000203 // SystemInformation
	ElementPoASubnet                ElementType = 0x10000204 // netip.Prefix
	ElementPoAIPAddress             ElementType = 0x10000205 // netip.Addr
	ElementAuthenticatorLinkAddress ElementType = 0x10000206 // LinkAddress
	ElementAuthenticatorIPAddress   ElementType = 0x10000207 // netip.Addr
	ElementPoSIPAddress             ElementType = 0x10000208 // netip.Addr
)

// Containers, each inside the one before it.
const (
	ElementNetworkList       ElementType = 0x10000300 // IE_CONTAINER_LIST_OF_NETWORKS
	ElementNetwork           ElementType = 0x10000301 // IE_CONTAINER_NETWORK
	ElementPointOfAttachment ElementType = 0x10000302 // IE_CONTAINER_POA
)

// Elements of this project, from the range that the standard leaves to experiments (0x80000000 to 0x82ffffff), in the container of a
// point of attachment. An information service tells them to those only who name them.
const (
	ElementGateway    ElementType = 0x80210001 // Gateway
	ElementNeighbours ElementType = 0x80210002 // []LinkAddress
)

var elementNames = map[ElementType]string{
	ElementNetworkType: "IE_NETWORK_TYPE", ElementOperatorID: "IE_OPERATOR_ID", ElementServiceProviderID: "IE_SERVICE_PROVIDER_ID",
	ElementCountryCode: "IE_COUNTRY_CODE", ElementNetworkID: "IE_NETWORK_ID", ElementNetworkAuxID: "IE_NETWORK_AUX_ID",
	ElementRoamingPartners: "IE_ROAMING_PARTNERS", ElementCost: "IE_COST", ElementNetworkQoS: "IE_NETWORK_QOS",
	ElementNetworkDataRate: "IE_NETWORK_DATA_RATE", ElementRegulatoryDomain: "IE_NET_REGULAT_DOMAIN",
	ElementFrequencyBands: "IE_NET_FREQUENCY_BANDS", ElementIPConfiguration: "IE_NET_IP_CFG_METHODS",
	ElementNetworkCapabilities: "IE_NET_CAPABILITIES", ElementSupportedLCP: "IE_NET_SUPPORTED_LCP",
	ElementMobilityManagement: "IE_NET_MOB_MGMT_PROT", ElementEmergencyServiceProxy: "IE_NET_EMSERV_PROXY",
	ElementIMSProxyCSCF: "IE_NET_IMS_PROXY_CSCF", ElementMobileNetwork: "IE_NET_MOBILE_NETWORK",
	ElementPoALinkAddress: "IE_POA_LINK_ADDR", ElementPoALocation: "IE_POA_LOCATION", ElementPoAChannelRange: "IE_POA_CHANNEL_RANGE",
	ElementPoASystemInformation: "IE_POA_SYSTEM_INFO", ElementPoASubnet: "IE_POA_SUBNET_INFO", ElementPoAIPAddress: "IE_POA_IP_ADDR",
	ElementAuthenticatorLinkAddress: "IE_AUTHENTICATOR_LINK_ADDR", ElementAuthenticatorIPAddress: "IE_AUTHENTICATOR_IP_ADDR",
	ElementPoSIPAddress: "IE_PoS_IP_ADDR", ElementNetworkList: "IE_CONTAINER_LIST_OF_NETWORKS", ElementNetwork: "IE_CONTAINER_NETWORK",
	ElementPointOfAttachment: "IE_CONTAINER_POA", ElementGateway: "netlmm gateway", ElementNeighbours: "netlmm neighbours",
}

// String is the standard's name of the element.
func (t ElementType) String() string {
	if name := elementNames[t]; name != "" {
		return name
	}
	return fmt.Sprintf("information element 0x%08x", uint32(t))
}

// ContainerLevel says how deep a container stands: 1 for a list of networks, 2 for a network, 3 for a point of attachment, 0 for what
// is no container.
func (t ElementType) ContainerLevel() int {
	if t >= ElementNetworkList && t <= ElementPointOfAttachment {
		return int(t-ElementNetworkList) + 1
	}
	return 0
}

// InformationElement is one information element as it travels: its type and its octets.
type InformationElement struct {
	Type  ElementType `json:"type"`
	Value string      `json:"value"`
}

// BinaryAnswer is IR_BIN_DATA: what one query of the information service is answered.
type BinaryAnswer []InformationElement

// Element is an information element that was read. Value is of the type that stands beside its ElementType, or a RawElement.
type Element struct {
	Type  ElementType
	Value any
}

// RawElement is the octets of an element of another type, or not in the form of its type.
type RawElement string
