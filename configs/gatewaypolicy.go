package configs

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// maximumPrefixes of one mobile node that a gateway asks for.
const maximumPrefixes = 16

// Policy is what a gateway decides about mobile nodes.
type Policy struct {
	Profiles        []mobility.Profile // of the configuration and of ProfilesFile
	Fallback        *mobility.Profile
	IdentityFromMAC bool                              // every station is known by its address, whatever it authenticated as
	SeveralMACs     policy.Rule                       // for a second address of one identity
	ProfilesFile    string                            // read again on SIGHUP; "": none
	Everybody       mobility.Profile                  // the protocols and the offload policy of those whose profile does not say
	OffloadPolicies map[string]mobility.OffloadPolicy // by the names that a RADIUS server may say

	Anchors        policy.Anchors
	AnchorPatience time.Duration
	MoveFromDead   bool

	Order        []policy.Source
	ServeUnasked bool // by Fallback, while no RADIUS server answers
	AAA          AAA

	profiles profilesFile
}

// rawMagdPolicy has what a gateway decides and an anchor does not.
type rawMagdPolicy struct {
	Identity            string     `mapstructure:"identity"`
	SameIdentity        string     `mapstructure:"same_identity"`
	ProfilesFile        string     `mapstructure:"profiles_file"`
	LMASelection        string     `mapstructure:"lma_selection"`
	Realms              []rawRealm `mapstructure:"realms"`
	LMAPatience         string     `mapstructure:"lma_patience"`
	RegisteredAtDeadLMA string     `mapstructure:"registered_at_dead_lma"`
	Order               []string   `mapstructure:"order"`
	OnSilence           string     `mapstructure:"on_silence"`
	AAA                 rawAAA     `mapstructure:"radius"`
	rawPolicy           `mapstructure:",squash"`
}

// rawRealm gives the mobile nodes of a realm anchors, by their names in lmas.
type rawRealm struct {
	Realm string   `mapstructure:"realm"`
	LMAs  []string `mapstructure:"lmas"`
}

var defaultGatewayPolicy = rawMagdPolicy{
	Identity: "authenticated", SameIdentity: string(policy.Interfaces), LMASelection: string(policy.First), LMAPatience: "5s", RegisteredAtDeadLMA: "keep",
	Order: []string{string(policy.File)}, OnSilence: "refuse", AAA: defaultAAA,
	rawPolicy: rawPolicy{Default: "allow", IPv6: true, OffloadPolicy: noOffloadPolicy},
}

func (p *problems) gatewayPolicy(c *Magd, raw rawMagdPolicy) {
	all := p.forAll(raw.rawPolicy, netip.Addr{})
	c.Profiles, c.Fallback = p.policy(raw.rawPolicy, all, maximumPrefixes)
	c.Everybody, c.OffloadPolicies = all.profile(), all.offloading.byName
	p.translatable(c, all.offloading)
	c.IdentityFromMAC = p.oneOf("policy.identity", raw.Identity, "authenticated", "mac") == "mac"
	c.SeveralMACs = policy.Rule(p.oneOf("policy.same_identity", raw.SameIdentity, string(policy.Interfaces), string(policy.Replace), string(policy.Separate), string(policy.Refuse)))
	p.anchorChoice(c, raw)
	p.sources(c, raw)
	c.profiles = profilesFile{all: all, mac: c.IdentityFromMAC, inline: len(c.Profiles)}
	for _, l := range c.LMAs {
		c.profiles.lmas = append(c.profiles.lmas, l.Address)
	}
	c.profiles.check(p, "policy.mobile_nodes", raw.MobileNodes, c.Profiles)
	if raw.ProfilesFile == "" {
		return
	}
	c.ProfilesFile = p.path("policy.profiles_file", raw.ProfilesFile)
	profiles, err := c.ReadProfiles()
	if err != nil {
		p.add("policy.profiles_file", raw.ProfilesFile, err.Error())
		return
	}
	c.Profiles = profiles
}

// anchorChoice reads how an anchor is chosen for those whose profile names none.
func (p *problems) anchorChoice(c *Magd, raw rawMagdPolicy) {
	c.Anchors.Selection = policy.Selection(p.oneOf("policy.lma_selection", raw.LMASelection, string(policy.First), string(policy.Hash)))
	c.AnchorPatience = p.duration("policy.lma_patience", raw.LMAPatience, 100*time.Millisecond, time.Hour)
	c.MoveFromDead = p.oneOf("policy.registered_at_dead_lma", raw.RegisteredAtDeadLMA, "keep", "move") == "move"
	byName := map[string]netip.Addr{}
	for _, l := range c.LMAs {
		c.Anchors.LMAs = append(c.Anchors.LMAs, l.Address)
		byName[l.Name] = l.Address
	}
	for i, r := range raw.Realms {
		at := fmt.Sprintf("policy.realms[%d]", i)
		pattern, err := policy.ParseRealm(r.Realm)
		if err != nil {
			p.add(at+".realm", r.Realm, err.Error())
		}
		realm := policy.Realm{Pattern: pattern}
		if len(r.LMAs) == 0 {
			p.add(at+".lmas", "", "is missing: want at least one name of lmas")
		}
		for j, name := range r.LMAs {
			address, known := byName[name]
			if !known {
				p.add(fmt.Sprintf("%s.lmas[%d]", at, j), name, "want the name of one of lmas")
			}
			realm.LMAs = append(realm.LMAs, address)
		}
		c.Anchors.Realms = append(c.Anchors.Realms, realm)
	}
}

// profilesFile is what it takes to read the file of profiles once more.
type profilesFile struct {
	all    forAll
	lmas   []netip.Addr
	mac    bool
	inline int // profiles of the configuration itself
}

// rawProfiles is the file of profiles.
type rawProfiles struct {
	MobileNodes []rawMobileNode `mapstructure:"mobile_nodes"`
}

// ReadProfiles reads the profiles of the configuration and of its file of profiles as that is now. The error lists every problem of
// the file, of which then nothing counts.
func (c *Policy) ReadProfiles() ([]mobility.Profile, error) {
	f := &c.profiles
	profiles := slices.Clone(c.Profiles[:f.inline])
	if c.ProfilesFile == "" {
		return profiles, nil
	}
	seen := map[mobility.MobileNodeID]bool{}
	for _, profile := range profiles {
		for _, id := range append([]mobility.MobileNodeID{profile.MobileNodeID}, profile.AlsoKnownAs...) {
			seen[id] = true
		}
	}
	raw, p := rawProfiles{}, &problems{file: c.ProfilesFile}
	if err := load(c.ProfilesFile, &raw, p); err != nil {
		return nil, err
	}
	if raw.MobileNodes == nil { // empty, or not written to its end: that is not to de-register everybody
		p.add("mobile_nodes", "", "is missing: want the list of profiles, or [] for none")
	}
	var more []mobility.Profile
	for i, node := range raw.MobileNodes {
		more = append(more, p.oneProfile(fmt.Sprintf("mobile_nodes[%d]", i), node, f.all, maximumPrefixes, seen))
	}
	f.check(p, "mobile_nodes", raw.MobileNodes, more)
	if err := p.err(); err != nil {
		return nil, err
	}
	return append(profiles, more...), nil
}

// check refuses what no gateway of this configuration could act on.
func (f *profilesFile) check(p *problems, key string, nodes []rawMobileNode, profiles []mobility.Profile) {
	for i, profile := range profiles {
		// Nothing would protect the signalling with an anchor that lmas does not list.
		if profile.LMAAddress.IsValid() && !slices.Contains(f.lmas, profile.LMAAddress) {
			p.add(fmt.Sprintf("%s[%d].lma", key, i), profile.LMAAddress.String(), "want the address of one of lmas")
		}
	}
	if !f.mac {
		return
	}
	for i, node := range nodes {
		if node.NAI != "" {
			p.add(fmt.Sprintf("%s[%d].nai", key, i), node.NAI, "matches nobody with policy.identity mac: want the mac of the station")
		}
	}
}
