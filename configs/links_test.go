package configs

import (
	"strings"
	"testing"
	"time"

	"netlmm/mih"
)

func TestLinkSources(t *testing.T) {
	c, err := LoadMagd(write(t, edit(t, gateway, "adapters: {", "adapters: {ethernet: [{bridge: acc0}, {bridge: br1, interface: acc0, vlan: 7, ports: [lan1, lan2], point_of_attachment: 02:00:00:00:00:11, maximum_stations: 9, stations_per_second: 3}], ")))
	if err != nil {
		t.Fatal(err)
	}
	e := c.LinkSources.Ethernet
	if len(e) != 2 || e[0].Interface != "acc0" || e[0].MaximumStations != 4096 || e[0].StationsPerSecond != 200 || e[0].LinkType == 0 {
		t.Errorf("%+v", e)
	}
	if e[1].VLAN != 7 || len(e[1].Ports) != 2 || e[1].MaximumStations != 9 || e[1].StationsPerSecond != 3 {
		t.Errorf("%+v", e[1])
	}
	if poas := c.LinkSources.PointsOfAttachment(); len(poas) != 1 || poas[mih.MACAddress([6]byte{2, 0, 0, 0, 0, 0x11})] == 0 {
		t.Errorf("points of attachment %v", poas)
	}
	c, err = LoadMagd(write(t, edit(t, gateway, "adapters: {", `adapters: {nd: [{interface: acc0, ignored_stations: ["02:00:00:00:00:77"], idle_time: 20s}], `)))
	if err != nil {
		t.Fatal(err)
	}
	if n := c.LinkSources.ND; len(n) != 1 || n[0].IdleTime != 20*time.Second || len(n[0].Ignored) != 1 || n[0].LinkType == 0 {
		t.Errorf("%+v", n)
	}
	c, err = LoadMagd(write(t, edit(t, gateway, "adapters: {", "adapters: {nl80211: [{radio: wlan0, interface: acc0, point_of_attachment: 02:00:00:00:00:11}], ")))
	if err != nil {
		t.Fatal(err)
	}
	if n := c.LinkSources.NL80211; len(n) != 1 || n[0].Radio != "wlan0" || n[0].Interface != "acc0" || len(c.LinkSources.PointsOfAttachment()) != 1 {
		t.Errorf("%+v", n)
	}
	m, err := LoadMihd(write(t, edit(t, function, "adapters: {", "adapters: {nd: [{interface: eth1, link_type: wlan}, {interface: eth2}], ")))
	if err != nil {
		t.Fatal(err)
	}
	if n := m.LinkSources.ND; n[0].LinkType != mih.LinkType80211 || n[1].LinkType != mih.LinkTypeEthernet || n[1].IdleTime != time.Minute {
		t.Errorf("%+v", n)
	}
	for change, want := range map[string]string{
		"ethernet: [{}]":                                          "ethernet[0].bridge: is missing",
		"ethernet: [{bridge: br9}]":                               "ethernet[0].interface: \"br9\": want the interface of one of access_links",
		"ethernet: [{bridge: a-name-much-too-long}]":              "ethernet[0].bridge: \"a-name-much-too-long\"",
		"ethernet: [{bridge: acc0, vlan: 4095}]":                  "want a whole number from 0 to 4094",
		"ethernet: [{bridge: acc0, ports: [a/b]}]":                "ethernet[0].ports[0]",
		"ethernet: [{bridge: acc0, maximum_stations: 0}]":         "want a whole number from 1 to 65536",
		"ethernet: [{bridge: acc0, stations_per_second: 0}]":      "want a whole number from 1 to 10000",
		"ethernet: [{bridge: acc0}, {bridge: acc0, vlan: 7}]":     "ethernet[1].bridge: \"acc0\": stands twice",
		"ethernet: [{bridge: acc0, point_of_attachment: nobody}]": "ethernet[0].point_of_attachment",
		"nl80211: [{}]":             "nl80211[0].radio: is missing",
		"nl80211: [{radio: wlan0}]": "nl80211[0].interface: \"wlan0\": want the interface of one of access_links",
		"nl80211: [{radio: w, interface: acc0}, {radio: w, interface: acc0}]": "nl80211[1].radio: \"w\": stands twice",
		"nl80211: [{radio: w, interface: acc0, point_of_attachment: x}]":      "nl80211[0].point_of_attachment",
		"nd: [{}]": "nd[0].interface",
		"nd: [{interface: acc0}, {interface: acc0}]":            "nd[1].interface: \"acc0\": stands twice",
		"nd: [{interface: acc0, idle_time: 10ms}]":              "nd[0].idle_time",
		"nd: [{interface: acc0, ignored_stations: [somebody]}]": "nd[0].ignored_stations[0]",
		"nd: [{interface: acc0, link_type: wlan}]":              "is that of the access link",
	} {
		if _, err := LoadMagd(write(t, edit(t, gateway, "adapters: {", "adapters: {"+change+", "))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", change, err, want)
		}
	}
}
