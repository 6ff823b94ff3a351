package mih

import "fmt"

// nameOf is the name of a value of an enumeration, the names being those of the values from 0 on, "" of one without a name.
func nameOf(enumeration string, value uint8, names ...string) string {
	if int(value) < len(names) && names[value] != "" {
		return names[value]
	}
	return fmt.Sprintf("%s_%d", enumeration, value)
}

// bitNames are the names of the bits that are set, the names being those of the bits from 0 on, "" of one without a name; such bits
// come last, together in hex.
func bitNames(set uint64, names ...string) []string {
	found := []string{}
	for bit, name := range names {
		if name != "" && set>>bit&1 != 0 {
			found = append(found, name)
			set &^= 1 << bit
		}
	}
	if set != 0 {
		found = append(found, fmt.Sprintf("0x%x", set))
	}
	return found
}

// Names of the bits that are set, the lowest first.
func (l EventList) Names() []string { return bitNames(uint64(l), eventNames[:]...) }

func (l CommandList) Names() []string {
	return bitNames(uint64(l), "Link_Get_Parameters", "Link_Configure_Thresholds", "Link_Actions", "Net_HO and N2N_HO", "MN_HO")
}

func (l QueryTypeList) Names() []string {
	return bitNames(uint64(l), "binary_data", "rdf_data", "rdf_schema_url", "rdf_schema", "network_type", "operator", "service_provider", "country",
		"network_id", "network_aux_id", "roaming_partners", "cost", "network_qos", "network_data_rate", "regulatory_domain", "frequency_bands",
		"ip_configuration", "network_capabilities", "supported_lcp", "mobility_management", "emergency_service_proxy", "ims_proxy_cscf",
		"mobile_network", "poa_link_address", "poa_location", "poa_channel_range", "poa_system_information", "poa_subnet", "poa_ip_address")
}

func (l TransportList) Names() []string { return bitNames(uint64(l), "udp", "tcp") }

func (m IPConfigurationMethods) Names() []string {
	return bitNames(uint64(m), "ipv4_static", "ipv4_dhcp", "ipv4_mobile_ip_foreign_agent", "ipv4_mobile_ip", "", "", "", "", "", "", "",
		"ipv6_stateless", "ipv6_dhcp", "ipv6_manual")
}

func (m MobilityManagement) Names() []string {
	return bitNames(uint64(m), "mipv4", "mipv4_regional_registration", "mipv6", "hmipv6", "low_latency_handoff", "fmipv6", "mobike")
}

func (c MIHCapabilities) Names() []string {
	return bitNames(uint64(c), "", "event_service", "command_service", "information_service")
}

func (c NetworkCapabilities) Names() []string {
	return bitNames(uint64(c), "security", "qos_class_0", "qos_class_1", "qos_class_2", "qos_class_3", "qos_class_4", "qos_class_5",
		"internet", "emergency_services", "mih")
}

func (s LinkStates) Names() []string { return bitNames(uint64(s), "operation_mode", "channel") }

func (d LinkDescriptors) Names() []string { return bitNames(uint64(d), "classes_of_service", "queues") }

func (s DeviceStates) Names() []string {
	return bitNames(uint64(s), "device_information", "battery_level")
}

func (a LinkActionAttributes) Names() []string {
	return bitNames(uint64(a), "scan", "retain_resources", "forward_data")
}

func (s NetworkTypeSet) Names() []string {
	return bitNames(uint64(s), "gsm", "gprs", "edge", "ethernet", "wireless", "802.11", "cdma2000", "umts", "hrpd", "802.16", "802.20", "802.22")
}
