package vici

import (
	"time"

	"github.com/strongswan/govici/vici"

	"netlmm/security"
)

// ikeSA and childSA are the parts we read of charon's IKE_SA and CHILD_SA sections.
type ikeSA struct {
	UniqueID string             `vici:"uniqueid"`
	Version  string             `vici:"version"`
	State    string             `vici:"state"`
	LocalID  string             `vici:"local-id"`
	RemoteID string             `vici:"remote-id"`
	Children map[string]childSA `vici:"child-sas"`
}

type childSA struct {
	Name        string   `vici:"name"`
	UniqueID    string   `vici:"uniqueid"`
	State       string   `vici:"state"`
	Mode        string   `vici:"mode"`
	Encap       string   `vici:"encap"`
	SPIIn       string   `vici:"spi-in"`
	SPIOut      string   `vici:"spi-out"`
	EncrAlg     string   `vici:"encr-alg"`
	EncrKeysize string   `vici:"encr-keysize"`
	IntegAlg    string   `vici:"integ-alg"`
	BytesIn     uint64   `vici:"bytes-in"`
	BytesOut    uint64   `vici:"bytes-out"`
	PacketsIn   uint64   `vici:"packets-in"`
	PacketsOut  uint64   `vici:"packets-out"`
	InstallTime int64    `vici:"install-time"` // seconds ago
	LocalTS     []string `vici:"local-ts"`
	RemoteTS    []string `vici:"remote-ts"`
}

// rekeyed are the children of a child-rekey event: each has an old and a new half.
type rekeyed struct {
	Children map[string]struct {
		Old childSA `vici:"old"`
		New childSA `vici:"new"`
	} `vici:"child-sas"`
}

// carries says whether a CHILD_SA in this state protects packets. A rekeyed one lives on for packets under way only.
func carries(state string) bool {
	return state == "INSTALLED" || state == "UPDATING" || state == "REKEYING"
}

// security turns a CHILD_SA of the connection's IKE_SA into the vocabulary.
func (ch childSA) security(connection string, ike ikeSA, plugin string, now time.Time) security.ChildSA {
	sa := security.ChildSA{
		Connection: connection, Child: ch.Name, UniqueID: ch.UniqueID, IKEUniqueID: ike.UniqueID, IKEVersion: ike.Version,
		RemoteIdentity: ike.RemoteID, LocalIdentity: ike.LocalID,
		Mode: ch.Mode, Encapsulated: ch.Encap == "yes", SPIIn: ch.SPIIn, SPIOut: ch.SPIOut,
		BytesIn: ch.BytesIn, BytesOut: ch.BytesOut, PacketsIn: ch.PacketsIn, PacketsOut: ch.PacketsOut,
		Algorithm: ch.algorithm(), Installed: now.Add(-time.Duration(ch.InstallTime) * time.Second),
	}
	sa.Local, sa.Remote, sa.Covers = between(ch.LocalTS, ch.RemoteTS, plugin)
	return sa
}

func (ch childSA) algorithm() string {
	name := ch.EncrAlg
	if ch.EncrKeysize != "" && name != "" {
		name += "-" + ch.EncrKeysize
	}
	switch {
	case name == "":
		return ch.IntegAlg
	case ch.IntegAlg == "":
		return name
	default:
		return name + "/" + ch.IntegAlg
	}
}

// convert an event of charon. Connection names are the keys of the sections in the message.
func (c *Client) convert(ev vici.Event) []security.Event {
	up := ev.Message.Get("up") == "yes"
	var out []security.Event
	for _, connection := range ev.Message.Keys() {
		section, isSection := ev.Message.Get(connection).(*vici.Message)
		if !isSection {
			continue
		}
		switch ev.Name {
		case "child-updown":
			out = append(out, c.childUpdown(connection, section, up)...)
		case "child-rekey":
			out = append(out, c.childRekey(connection, section)...)
		case "ike-updown":
			var ike ikeSA
			if err := vici.UnmarshalMessage(section, &ike); err == nil && !up {
				out = append(out, security.IKEDown{IKEUniqueID: ike.UniqueID})
			}
		}
	}
	return out
}

func (c *Client) childUpdown(connection string, section *vici.Message, up bool) []security.Event {
	var ike ikeSA
	if err := vici.UnmarshalMessage(section, &ike); err != nil {
		c.Resync()
		return nil
	}
	var out []security.Event
	for _, ch := range ike.Children {
		if up {
			out = append(out, security.ChildUp{SA: ch.security(connection, ike, c.currentPlugin(), time.Now())})
		} else {
			out = append(out, security.ChildDown{UniqueID: ch.UniqueID})
		}
	}
	return out
}

func (c *Client) childRekey(connection string, section *vici.Message) []security.Event {
	var ike ikeSA
	var halves rekeyed
	if vici.UnmarshalMessage(section, &ike) != nil || vici.UnmarshalMessage(section, &halves) != nil {
		c.Resync()
		return nil
	}
	var out []security.Event
	for _, ch := range halves.Children {
		sa := ch.New.security(connection, ike, c.currentPlugin(), time.Now())
		out = append(out, security.ChildRekeyed{Old: ch.Old.UniqueID, SA: sa})
	}
	return out
}
