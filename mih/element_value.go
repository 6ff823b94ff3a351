package mih

import "net/netip"

// CountryCode is CNTRY_CODE: two capital letters of ISO 3166-1.
type CountryCode [2]byte

// OperatorNamespace is OP_NAMESPACE: whose names an operator's is one of.
type OperatorNamespace uint8

// Kinds of names of operators.
const (
	OperatorGSMUMTS OperatorNamespace = iota
	OperatorCDMA
	OperatorRealm
	OperatorITUT
	OperatorGeneral
)

// String names the kind.
func (n OperatorNamespace) String() string {
	return nameOf("namespace", uint8(n), "gsm_umts", "cdma", "realm", "itu_t_tsb", "general")
}

// OperatorID is OPERATOR_ID.
type OperatorID struct {
	Name      string            `json:"name"`
	Namespace OperatorNamespace `json:"namespace"`
}

// CostUnit is COST_UNIT: what a cost is for.
type CostUnit uint8

// Units of a cost.
const (
	CostPerSecond CostUnit = iota
	CostPerMinute
	CostPerHour
	CostPerDay
	CostPerWeek
	CostPerMonth
	CostPerYear
	CostFree
	CostFlatRate
)

// String names the unit.
func (u CostUnit) String() string {
	return nameOf("unit", uint8(u), "second", "minute", "hour", "day", "week", "month", "year", "free", "flat_rate")
}

// Cost is COST: Integer and Thousandths of a currency by the unit.
type Cost struct {
	Unit        CostUnit `json:"unit"`
	Integer     uint32   `json:"integer"`
	Thousandths uint16   `json:"thousandths"`
	Currency    [3]byte  `json:"currency"` // ISO 4217
}

// RegulatoryDomain is REGU_DOMAIN: a country and a regulatory (operating) class of IEEE 802.11.
type RegulatoryDomain struct {
	Country CountryCode `json:"country"`
	Class   uint8       `json:"class"`
}

// IPConfiguration is IP_CONFIG. An address that is not valid is not said.
type IPConfiguration struct {
	Methods      IPConfigurationMethods `json:"methods"`
	DHCPServer   netip.Addr             `json:"dhcp_server,omitzero"`
	ForeignAgent netip.Addr             `json:"foreign_agent,omitzero"`
	AccessRouter netip.Addr             `json:"access_router,omitzero"`
}

// LocationProtocol is SUPPORTED_LCP: a location configuration protocol.
type LocationProtocol uint8

// Location configuration protocols; "by reference" is LbyR.
const (
	LocationByLLDP             LocationProtocol = 1
	LocationReferenceByLLDP    LocationProtocol = 2
	LocationByLLDPMED          LocationProtocol = 11
	LocationReferenceByLLDPMED LocationProtocol = 12
	LocationByUTDOA            LocationProtocol = 21
	LocationByDTDOA            LocationProtocol = 22
	LocationByDHCP             LocationProtocol = 31
	LocationReferenceByDHCP    LocationProtocol = 32
	LocationBySUPL             LocationProtocol = 41
	LocationBy80211            LocationProtocol = 42
	LocationByHELD             LocationProtocol = 51
	LocationReferenceByHELD    LocationProtocol = 52
	endOfLocationProtocols                      = 53
)

var locationProtocols = [endOfLocationProtocols]string{
	LocationByLLDP: "lldp", LocationReferenceByLLDP: "lldp_by_reference", LocationByLLDPMED: "lldp_med",
	LocationReferenceByLLDPMED: "lldp_med_by_reference", LocationByUTDOA: "u_tdoa", LocationByDTDOA: "d_tdoa", LocationByDHCP: "dhcp",
	LocationReferenceByDHCP: "dhcp_by_reference", LocationBySUPL: "oma_supl", LocationBy80211: "802.11", LocationByHELD: "held",
	LocationReferenceByHELD: "held_by_reference",
}

// String names the protocol.
func (p LocationProtocol) String() string {
	return nameOf("protocol", uint8(p), locationProtocols[:]...)
}

// ProxyAddress is PROXY_ADDR: an IP address, or a domain name when that is not valid.
type ProxyAddress struct {
	Address netip.Addr `json:"address,omitzero"`
	Name    string     `json:"name,omitempty"`
}

// ChannelRange is CH_RANGE, in kHz.
type ChannelRange struct {
	Low  uint32 `json:"low_khz"`
	High uint32 `json:"high_khz"`
}

// SystemInformation is SYSTEM_INFO. At most one of the last three is not nil.
type SystemInformation struct {
	Network  NetworkType        `json:"network"`
	Address  LinkAddress        `json:"address"`
	WiMAX    *WiMAXChannels     `json:"dcd_ucd,omitempty"`
	UMTS     *UMTSSystemBlock   `json:"sib,omitempty"`
	CDMA2000 *CDMA2000Parameter `json:"sys_params,omitempty"`
}

// WiMAXChannels is DCD_UCD: the channel descriptors of a base station of IEEE 802.16.
type WiMAXChannels struct {
	BaseID        uint16   `json:"base_id"`
	Bandwidth     uint16   `json:"bandwidth"` // kb/s
	Centre        uint64   `json:"centre_khz"`
	EIRP          int8     `json:"eirp"` // dBm
	TransmitGap   uint16   `json:"ttg"`  // physical slots
	ReceiveGap    uint8    `json:"rtg"`
	DownlinkBurst [32]byte `json:"downlink_burst"`
	UplinkBurst   [32]byte `json:"uplink_burst"`
	InitialCode   int8     `json:"initial_code"`
	HandoverCode  int8     `json:"handover_code"`
}

// UMTSSystemBlock is SIB: a system information block of UMTS.
type UMTSSystemBlock struct {
	Cell uint32 `json:"cell"`
	Code uint16 `json:"code"` // scrambling or Walsh code
}

// CDMA2000Parameter is SYS_PARAMS: the system parameters of cdma2000.
type CDMA2000Parameter struct {
	BaseID    uint16 `json:"base_id"`
	PilotPN   uint16 `json:"pilot_pn"`
	Frequency uint16 `json:"frequency_id"`
	BandClass uint8  `json:"band_class"`
}

// Gateway is the access router behind a point of attachment: the MIH Function on it and its name. It is of this project.
type Gateway struct {
	MIHF MIHFID `json:"mihf_id"`
	Name string `json:"name"`
}
