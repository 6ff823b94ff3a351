package configs

import "testing"

// TestNoUserNameIsAnAddress unless the source says so.
func TestNoUserNameIsAnAddress(t *testing.T) {
	c, err := LoadMagd(write(t, `
mag: {proxy_care_of_address: "2001:db8:f0::1"}
lmas: [{address: "2001:db8:f0::ff", identity: lma, managed_by: swanctl}]
access_links: [{interface: acc0}]
adapters:
  ciscosyslog:
    listen: "[::]:514"
    sources: [{address: 192.0.2.10, interface: acc0}, {address: 192.0.2.11, interface: acc0, user_name_is_address: true}]
security: {mode: ipsec}
`))
	if err != nil {
		t.Fatal(err)
	}
	if s := c.CiscoSyslog.Sources; s[0].UserNameIsAddress || !s[1].UserNameIsAddress {
		t.Errorf("%+v", s)
	}
}
