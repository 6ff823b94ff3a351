package accesslink

import (
	"strconv"
	"testing"
)

// TestLaterAdvertisementsHaveTheNewMTU: what is set stands in the next advertisement and in all later ones, also for a host that
// knows another value (RFC 5213 section 6.9.5).
func TestLaterAdvertisementsHaveTheNewMTU(t *testing.T) {
	mag := here(t)
	access := mag.newAccess()
	l := open(t, access)
	heard := run(t, l)
	s := newStation(t, mag)
	s.plug(mag, access)
	heard.waitSolicited(t, s.mac)
	advertise := func(want string) {
		t.Helper()
		if err := l.Advertise(s.advertisement()); err != nil {
			t.Fatal(err)
		}
		wait(t, "an MTU of "+want, func() bool { return s.readSysctl("net/ipv6/conf/eth0/mtu") == want })
	}
	advertise("1400")
	for _, mtu := range []int{1300, 1280, 1400} {
		if err := l.SetMTU(mtu); err != nil {
			t.Fatal(err)
		}
		advertise(strconv.Itoa(mtu))
		s.sysctl("net/ipv6/conf/eth0/mtu", "1500")
		advertise(strconv.Itoa(mtu))
	}
	if err := l.SetMTU(1279); err == nil {
		t.Error("an MTU below that of IPv6 was taken")
	}
}
