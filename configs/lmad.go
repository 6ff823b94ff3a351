package configs

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
)

// Lmad is the configuration of a Local Mobility Anchor.
type Lmad struct {
	Common
	Security
	Forwarding

	LMAAddress                 netip.Addr // zero: signalling over IPv4 only
	IPv4Address                netip.Addr // of this anchor where gateways are reached over IPv4 (RFC 5844 section 4); zero: none are
	Pools                      []netip.Prefix
	PrefixLength               int
	IPv4Pools                  []IPv4Pool
	DHCPSupportMode            string // server, relay: what the gateways are to the mobile nodes (RFC 5844 section 3.4)
	MinDelayBeforeBCEDelete    time.Duration
	MaxDelayBeforeNewBCEAssign time.Duration
	TimestampValidityWindow    time.Duration
	MaximumLifetime            time.Duration
	MaximumBindings            int
	BRIMaxRetriesNumber        int
	InitMINDelayBRIs           time.Duration
	MaxBRAckTimeout            time.Duration
	RevokeAtUnknownHandover    bool

	EnableIPv4TrafficOffloadSupport bool // RFC 6909 section 4

	TimestampBasedApproachInUse       bool
	MobileNodeGeneratedTimestampInUse bool

	StorePath string // "" = bindings are not kept over a restart
	MAGs      []Peer
	Profiles  []mobility.Profile
	Fallback  *mobility.Profile
}

type rawLmad struct {
	Admin      rawAdmin      `mapstructure:"admin"`
	Metrics    rawMetrics    `mapstructure:"metrics"`
	Log        rawLog        `mapstructure:"log"`
	LMA        rawLMA        `mapstructure:"lma"`
	Store      rawStore      `mapstructure:"store"`
	MAGs       []rawGateway  `mapstructure:"mags"`
	Heartbeat  rawHeartbeat  `mapstructure:"heartbeat"`
	Forwarding rawForwarding `mapstructure:"forwarding"`
	Security   rawSecurity   `mapstructure:"security"`
	Policy     rawPolicy     `mapstructure:"policy"`
}

type rawLMA struct {
	Address                    string        `mapstructure:"address"`
	IPv4Address                string        `mapstructure:"ipv4_address"`
	Pools                      []string      `mapstructure:"pools"`
	PrefixLength               int           `mapstructure:"prefix_length"`
	IPv4Pools                  []rawIPv4Pool `mapstructure:"ipv4_pools"`
	DHCPSupportMode            string        `mapstructure:"dhcp_support_mode"`
	MinDelayBeforeBCEDelete    string        `mapstructure:"min_delay_before_bce_delete"`
	MaxDelayBeforeNewBCEAssign string        `mapstructure:"max_delay_before_new_bce_assign"`
	TimestampValidityWindow    string        `mapstructure:"timestamp_validity_window"`
	MaximumLifetime            string        `mapstructure:"maximum_lifetime"`
	MaximumBindings            int           `mapstructure:"maximum_bindings"`
	BRIMaxRetriesNumber        int           `mapstructure:"bri_max_retries_number"`
	InitMINDelayBRIs           string        `mapstructure:"init_min_delay_bris"`
	MaxBRAckTimeout            string        `mapstructure:"max_brack_timeout"`
	RevokeAtUnknownHandover    bool          `mapstructure:"revoke_at_unknown_handover"`

	EnableIPv4TrafficOffloadSupport bool `mapstructure:"enable_ipv4_traffic_offload_support"`

	TimestampBasedApproachInUse              bool   `mapstructure:"timestamp_based_approach_in_use"`
	MobileNodeGeneratedTimestampInUse        bool   `mapstructure:"mobile_node_generated_timestamp_in_use"`
	FixedMAGLinkLocalAddressOnAllAccessLinks string `mapstructure:"fixed_mag_link_local_address_on_all_access_links"`
	FixedMAGLinkLayerAddressOnAllAccessLinks string `mapstructure:"fixed_mag_link_layer_address_on_all_access_links"`
}

type rawStore struct {
	Path string `mapstructure:"path"`
}

func defaultLmad() rawLmad {
	return rawLmad{
		Admin:   rawAdmin{Socket: "/run/netlmm/lmad.sock"},
		Metrics: rawMetrics{Listen: "127.0.0.1:9522"},
		Log:     rawLog{Level: "info", Format: "text"},
		LMA: rawLMA{
			PrefixLength: 64, MinDelayBeforeBCEDelete: "10s", MaxDelayBeforeNewBCEAssign: "1500ms", TimestampValidityWindow: "300ms",
			MaximumLifetime: "1h", MaximumBindings: 100000, DHCPSupportMode: "server",
			BRIMaxRetriesNumber: 1, InitMINDelayBRIs: "1s", MaxBRAckTimeout: "2s", TimestampBasedApproachInUse: true,
			FixedMAGLinkLocalAddressOnAllAccessLinks: mobility.FixedMAGLinkLocalAddress.String(),
			FixedMAGLinkLayerAddressOnAllAccessLinks: net.HardwareAddr(mobility.FixedMAGLinkLayerAddress[:]).String(),
		},
		Store:      rawStore{Path: "/var/lib/netlmm/lmad.db"},
		Heartbeat:  defaultHeartbeat,
		Forwarding: defaultForwarding,
		Security:   defaultSecurity,
		Policy:     rawPolicy{Default: "allow", IPv6: true, IPv4: true, OffloadPolicy: noOffloadPolicy}, // without pools nobody gets an IPv4 home address
	}
}

// LoadLmad reads lmad.yaml. The error lists every problem (*Error), or says why the file could not be read.
func LoadLmad(file string) (*Lmad, error) {
	raw, p := defaultLmad(), &problems{file: file}
	if err := load(file, &raw, p); err != nil {
		return nil, err
	}
	end := p.ends("lma.address", raw.LMA.Address, "lma.ipv4_address", raw.LMA.IPv4Address)
	c := &Lmad{
		Common:                     p.common(raw.Admin, raw.Metrics, raw.Log),
		Security:                   p.security(raw.Security),
		Forwarding:                 p.forwarding(raw.Forwarding),
		LMAAddress:                 end.address,
		IPv4Address:                end.ipv4,
		Pools:                      p.prefixes("lma.pools", raw.LMA.Pools),
		PrefixLength:               raw.LMA.PrefixLength,
		MinDelayBeforeBCEDelete:    p.duration("lma.min_delay_before_bce_delete", raw.LMA.MinDelayBeforeBCEDelete, time.Millisecond, time.Hour),
		MaxDelayBeforeNewBCEAssign: p.duration("lma.max_delay_before_new_bce_assign", raw.LMA.MaxDelayBeforeNewBCEAssign, time.Millisecond, time.Minute),
		TimestampValidityWindow:    p.duration("lma.timestamp_validity_window", raw.LMA.TimestampValidityWindow, time.Millisecond, time.Hour),
		MaximumLifetime:            p.duration("lma.maximum_lifetime", raw.LMA.MaximumLifetime, minLifetime, maxLifetime),
		MaximumBindings:            p.between("lma.maximum_bindings", raw.LMA.MaximumBindings, 1, 1<<24),
		StorePath:                  raw.Store.Path,
		DHCPSupportMode:            p.oneOf("lma.dhcp_support_mode", raw.LMA.DHCPSupportMode, "server", "relay"),
		BRIMaxRetriesNumber:        p.between("lma.bri_max_retries_number", raw.LMA.BRIMaxRetriesNumber, 1, 10),
		InitMINDelayBRIs:           p.duration("lma.init_min_delay_bris", raw.LMA.InitMINDelayBRIs, 500*time.Millisecond, time.Minute), // RFC 5846 section 11
		MaxBRAckTimeout:            p.duration("lma.max_brack_timeout", raw.LMA.MaxBRAckTimeout, 500*time.Millisecond, time.Minute),
		RevokeAtUnknownHandover:    raw.LMA.RevokeAtUnknownHandover,

		EnableIPv4TrafficOffloadSupport: raw.LMA.EnableIPv4TrafficOffloadSupport,
	}
	p.notMore("lma.init_min_delay_bris", c.InitMINDelayBRIs, "lma.max_brack_timeout", c.MaxBRAckTimeout)
	if c.StorePath != "" {
		p.path("store.path", c.StorePath)
	}
	c.Heartbeat = p.heartbeat(raw.Heartbeat, c.None)
	p.domainVariables(c, raw.LMA)
	c.MAGs = p.gateways(raw.MAGs, end, !c.None)
	c.OtherPeers = p.peers(listOfOthers, raw.Security.Peers, end, !c.None, c.MAGs...)
	p.pools(c)
	c.IPv4Pools = p.ipv4Pools(raw.LMA.IPv4Pools, c)
	p.confinements(c)
	p.noIdentities(raw.Policy.MobileNodes)
	c.Profiles, c.Fallback = p.policy(raw.Policy, p.forAll(raw.Policy, c.LMAAddress), maximumStaticPrefixes)
	p.staticPrefixes(c)
	p.staticIPv4Addresses(c)
	defaults := defaultLmad()
	c.Settings = settings(&raw, &defaults)
	return c, p.err()
}

// Protected are all peers whose associations the daemon looks after.
func (c *Lmad) Protected() []Peer { return slices.Concat(c.MAGs, c.OtherPeers) }

// domainVariables reads what RFC 5213 section 9.3 wants known to the whole domain. An anchor has no access links, and takes
// timestamps and sequence numbers alike: of these it keeps what netlmmctl config shows beside the gateways' values.
func (p *problems) domainVariables(c *Lmad, raw rawLMA) {
	c.TimestampBasedApproachInUse, c.MobileNodeGeneratedTimestampInUse = raw.TimestampBasedApproachInUse, raw.MobileNodeGeneratedTimestampInUse
	p.timestamps("lma", c.TimestampBasedApproachInUse, c.MobileNodeGeneratedTimestampInUse)
	if raw.FixedMAGLinkLocalAddressOnAllAccessLinks != "::" {
		p.linkLocal("lma.fixed_mag_link_local_address_on_all_access_links", raw.FixedMAGLinkLocalAddressOnAllAccessLinks, `"::" for none`)
	}
	if raw.FixedMAGLinkLayerAddressOnAllAccessLinks != "00:00:00:00:00:00" {
		p.mac("lma.fixed_mag_link_layer_address_on_all_access_links", raw.FixedMAGLinkLayerAddressOnAllAccessLinks)
	}
}

// timestamps checks the two flags of RFC 5213 section 9.3.
func (p *problems) timestamps(section string, inUse, generatedByMobileNodes bool) {
	if generatedByMobileNodes && !inUse {
		p.add(section+".mobile_node_generated_timestamp_in_use", "true",
			"want false while "+section+".timestamp_based_approach_in_use is false (RFC 5213 section 9.3)")
	}
}

// Bounds of the anchor's machine.
const (
	maximumStaticPrefixes = 8 // of one mobile node
	maximumPools          = 1024
	maximumPoolBits       = 48 // a pool has at most 2^48 prefixes
)

// pools checks that dynamic prefixes fit their pools and that no pool lies in another.
func (p *problems) pools(c *Lmad) {
	if len(c.Pools) == 0 {
		p.add("lma.pools", "", "is missing: want at least one prefix that home network prefixes are taken from")
	}
	if c.PrefixLength < 1 || c.PrefixLength > 64 {
		p.add("lma.prefix_length", fmt.Sprint(c.PrefixLength), "want 1 to 64: hosts configure addresses in a /64 (RFC 4862)")
	}
	if len(c.Pools) > maximumPools {
		p.add("lma.pools", "", fmt.Sprintf("has %d prefixes: want at most %d, so use larger ones", len(c.Pools), maximumPools))
	}
	for i, pool := range c.Pools {
		key := fmt.Sprintf("lma.pools[%d]", i)
		if pool.IsValid() && pool.Bits() > c.PrefixLength {
			p.add(key, pool.String(), fmt.Sprintf("is smaller than one prefix of lma.prefix_length %d: want a shorter length", c.PrefixLength))
		}
		if pool.IsValid() && c.PrefixLength-pool.Bits() > maximumPoolBits {
			p.add(key, pool.String(), fmt.Sprintf("has more than 2^%d prefixes of lma.prefix_length %d: want a length of %d or more",
				maximumPoolBits, c.PrefixLength, c.PrefixLength-maximumPoolBits))
		}
		for j, other := range c.Pools[:i] {
			if pool.Overlaps(other) {
				p.add(key, pool.String(), fmt.Sprintf("overlaps lma.pools[%d], %v", j, other))
			}
		}
		p.notOurs(key, pool, c)
	}
}

// notOurs refuses home network prefixes that hold the end of a tunnel: its packets would go into the tunnel, or nowhere.
func (p *problems) notOurs(key string, prefix netip.Prefix, c *Lmad) {
	for name, end := range map[string]netip.Addr{"lma.address": c.LMAAddress, "lma.ipv4_address": c.IPv4Address} {
		if prefix.Contains(end) {
			p.add(key, prefix.String(), fmt.Sprintf("holds %s %v: want a prefix that only mobile nodes have addresses of", name, end))
		}
	}
	for i, gateway := range c.MAGs {
		if prefix.Contains(gateway.Address) {
			p.add(key, prefix.String(), fmt.Sprintf("holds mags[%d].address %v: want a prefix that only mobile nodes have addresses of", i, gateway.Address))
		}
	}
}

// staticPrefixes checks that each one has one owner and could not be handed out to another mobile node.
func (p *problems) staticPrefixes(c *Lmad) {
	owners := map[netip.Prefix]string{}
	for i, profile := range c.Profiles {
		for j, static := range profile.HomeNetworkPrefixes {
			key := fmt.Sprintf("policy.mobile_nodes[%d].home_network_prefixes[%d]", i, j)
			if !static.IsValid() {
				continue
			}
			if static.Bits() != c.PrefixLength {
				p.add(key, static.String(), fmt.Sprintf("want a length of %d, as lma.prefix_length", c.PrefixLength))
			}
			if owner, taken := owners[static]; taken {
				p.add(key, static.String(), "belongs to "+owner+" already")
			}
			owners[static] = profile.MobileNodeID.String()
			p.notOurs(key, static, c)
			for k, pool := range c.Pools {
				if pool.Overlaps(static) {
					p.add(key, static.String(), fmt.Sprintf("lies in lma.pools[%d], from which any mobile node may get it: want one outside the pools", k))
				}
			}
		}
	}
}
