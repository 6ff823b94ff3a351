package configs

import (
	"fmt"
	"slices"

	"netlmm/mih"
)

// Mihd is the configuration of a stand-alone MIH Function: at an access point without a MAG, or of an information server.
type Mihd struct {
	Common // without heartbeats
	Security
	MIH

	Hostapd     []HostapdSource
	CiscoSyslog CiscoSyslog
	Radius      Radius
	Information Information
}

type rawMihd struct {
	Admin    rawAdmin      `mapstructure:"admin"`
	Metrics  rawMetrics    `mapstructure:"metrics"`
	Log      rawLog        `mapstructure:"log"`
	MIH      rawMihdMIH    `mapstructure:"mih"`
	Adapters rawMihdSource `mapstructure:"adapters"`
	Security rawSecurity   `mapstructure:"security"`

	Information rawInformation `mapstructure:"information"`
}

type rawMihdMIH struct {
	rawMIH `mapstructure:",squash"`
	Peers  []rawMIHPeer `mapstructure:"peers"`
}

// rawMihdSource says of each radio what a gateway knows from its access link.
type rawMihdSource struct {
	Hostapd     []rawMihdHostapd `mapstructure:"hostapd"`
	CiscoSyslog rawCiscoSyslog   `mapstructure:"ciscosyslog"`
	Radius      rawRadius        `mapstructure:"radius"`
}

type rawMihdHostapd struct {
	rawHostapd `mapstructure:",squash"`
	LinkType   string `mapstructure:"link_type" default:"wlan"`
}

func defaultMihd() rawMihd {
	return rawMihd{
		Admin:    rawAdmin{Socket: "/run/netlmm/mihd.sock"},
		Metrics:  rawMetrics{Listen: "127.0.0.1:9523"},
		Log:      rawLog{Level: "info", Format: "text"},
		MIH:      rawMihdMIH{rawMIH: defaultMIH},
		Adapters: rawMihdSource{Radius: defaultRadius},
		Security: defaultSecurity,
	}
}

// LoadMihd reads mihd.yaml. The error lists every problem (*Error), or says why the file could not be read.
func LoadMihd(file string) (*Mihd, error) {
	raw, p := defaultMihd(), &problems{file: file}
	if err := load(file, &raw, p); err != nil {
		return nil, err
	}
	c := &Mihd{Common: p.common(raw.Admin, raw.Metrics, raw.Log), Security: p.security(raw.Security), MIH: p.function(raw.MIH.rawMIH, nil)}
	if len(raw.MIH.Listen) == 0 {
		p.add("mih.listen", "", "is missing: want the addresses of this host where other MIH Functions reach it")
	}
	c.OtherPeers = p.peers(listOfOthers, raw.Security.Peers, p.listening(c.MIH), !c.None)
	for i, rawPeer := range raw.MIH.Peers {
		c.MIH.Peers = append(c.MIH.Peers, p.mihPeer(fmt.Sprintf("mih.peers[%d]", i), rawPeer, c.MIH, c.None, c.OtherPeers))
	}
	c.MIH.Discovery = p.discovery(raw.MIH.rawMIH, c.None, c.OtherPeers)
	p.radios(c, raw.Adapters)
	c.Information = p.information(raw.Information)
	defaults := defaultMihd()
	c.Settings = settings(&raw, &defaults)
	return c, p.err()
}

// Protected are all peers whose associations the daemon looks after.
func (c *Mihd) Protected() []Peer { return c.OtherPeers }

// listening is this end of the control channel: of each family the first address that others reach.
func (p *problems) listening(m MIH) local {
	l := local{key: "mih.listen", ipv4Key: "mih.listen"}
	for _, a := range slices.Backward(m.Listen) {
		switch {
		case a.IsLoopback():
		case a.Is4():
			l.ipv4 = a
		default:
			l.address = a
		}
	}
	return l
}

// radios reads the adapters. An information server has none.
func (p *problems) radios(c *Mihd, raw rawMihdSource) {
	for i, h := range raw.Hostapd {
		at := fmt.Sprintf("adapters.hostapd[%d]", i)
		p.radioName(at+".interface", h.Interface)
		c.Hostapd = append(c.Hostapd, p.hostapd(at, h.rawHostapd, p.linkType(at+".link_type", h.LinkType), c.Hostapd))
	}
	c.CiscoSyslog = p.ciscoSyslog(raw.CiscoSyslog, p.radioName)
	c.Radius = p.radius(raw.Radius, p.radioName, func(string) mih.LinkType { return mih.LinkType80211 })
}

// longestRadioName bounds what events, logs and tables call a radio.
const longestRadioName = 64

func (p *problems) radioName(key, name string) {
	p.notLonger(key, p.required(key, name, "a name of the radio for events and logs, such as wlan0"), longestRadioName)
}
