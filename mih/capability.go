package mih

// CommandList is MIH_CMD_LIST: the commands that an MIH Function takes.
type CommandList uint32

// Commands.
const (
	CommandLinkGetParameters       CommandList = 1 << 0
	CommandLinkConfigureThresholds CommandList = 1 << 1
	CommandLinkActions             CommandList = 1 << 2
	CommandNetworkHandover         CommandList = 1 << 3 // the five of Net_HO and N2N_HO
	CommandMobileHandover          CommandList = 1 << 4 // the three of MN_HO
)

// QueryTypeList is IQ_TYPE_LIST: the queries that an information service answers, bit i = QueryType(i).
type QueryTypeList uint64

// QueryType is a bit number of IQ_TYPE_LIST.
type QueryType uint8

// Types of queries: of binary data, of RDF, and for the information elements.
const (
	QueryBinaryData QueryType = iota
	QueryRDFData
	QueryRDFSchemaURL
	QueryRDFSchema
	QueryNetworkType
	QueryOperator
	QueryServiceProvider
	QueryCountry
	QueryNetworkID
	QueryNetworkAuxID
	QueryRoamingPartners
	QueryCost
	QueryNetworkQoS
	QueryNetworkDataRate
	QueryRegulatoryDomain
	QueryFrequencyBands
	QueryIPConfiguration
	QueryNetworkCapabilities
	QuerySupportedLCP
	QueryMobilityManagement
	QueryEmergencyServiceProxy
	QueryIMSProxyCSCF
	QueryMobileNetwork
	QueryPoALinkAddress
	QueryPoALocation
	QueryPoAChannelRange
	QueryPoASystemInformation
	QueryPoASubnet
	QueryPoAIPAddress
)

// Queries returns the set of the given types.
func Queries(types ...QueryType) QueryTypeList {
	var l QueryTypeList
	for _, t := range types {
		l |= 1 << t
	}
	return l
}

// Has reports whether t is in the set.
func (l QueryTypeList) Has(t QueryType) bool { return t < 64 && l&(1<<t) != 0 }

// TransportList is TRANSPORT_LIST.
type TransportList uint16

// Transports of MIH messages.
const (
	TransportUDP TransportList = 1 << 0
	TransportTCP TransportList = 1 << 1
)

// IPConfigurationMethods is IP_CFG_MTHDS.
type IPConfigurationMethods uint32

// Methods of IP configuration.
const (
	IPv4Static                      IPConfigurationMethods = 1 << 0
	IPv4DHCP                        IPConfigurationMethods = 1 << 1
	IPv4MobileIPForeignAgent        IPConfigurationMethods = 1 << 2
	IPv4MobileIPWithoutForeignAgent IPConfigurationMethods = 1 << 3
	IPv6StatelessAutoconfiguration  IPConfigurationMethods = 1 << 11
	IPv6DHCP                        IPConfigurationMethods = 1 << 12
	IPv6Manual                      IPConfigurationMethods = 1 << 13
)

// MobilityManagement is IP_MOB_MGMT. It has no bit for Proxy Mobile IPv6.
type MobilityManagement uint16

// Protocols of mobility management.
const (
	MobilityMIPv4                     MobilityManagement = 1 << 0
	MobilityMIPv4RegionalRegistration MobilityManagement = 1 << 1
	MobilityMIPv6                     MobilityManagement = 1 << 2
	MobilityHMIPv6                    MobilityManagement = 1 << 3
	MobilityLowLatencyHandoff         MobilityManagement = 1 << 4
	MobilityFMIPv6                    MobilityManagement = 1 << 5
	MobilityMOBIKE                    MobilityManagement = 1 << 6
)

// RegisterCode is REG_REQUEST_CODE.
type RegisterCode uint8

// Kinds of registration.
const (
	Registration   RegisterCode = 0
	ReRegistration RegisterCode = 1
)

// String names the code.
func (c RegisterCode) String() string {
	return nameOf("code", uint8(c), "registration", "re_registration")
}
