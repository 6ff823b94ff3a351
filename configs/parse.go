package configs

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// problems collects what is wrong while a raw configuration is read.
type problems struct {
	file string
	list []Problem
}

func (p *problems) add(key, value, want string) {
	p.list = append(p.list, Problem{key, value, want})
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return &Error{p.file, p.list}
}

func (p *problems) duration(key, value string, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(value)
	if err != nil {
		p.add(key, value, "want a duration with its unit, such as 1500ms or 5m")
		return 0
	}
	if d < least || d > most {
		p.add(key, value, fmt.Sprintf("want a duration from %v to %v", least, most))
	}
	return d
}

// durationOrOff reads a duration, or zero for none.
func (p *problems) durationOrOff(key, value string, least, most time.Duration) time.Duration {
	if d, err := time.ParseDuration(value); err == nil && d == 0 {
		return 0
	}
	return p.duration(key, value, least, most)
}

// octets reads a size.
func (p *problems) octets(key, value string, least, most int) int {
	for unit, factor := range map[string]uint64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		text, ok := strings.CutSuffix(value, unit)
		if n, err := strconv.ParseUint(text, 10, 32); ok && err == nil {
			size := n * factor
			if size < uint64(least) || size > uint64(most) {
				p.add(key, value, fmt.Sprintf("want a size from %s to %s", sizeText(least), sizeText(most)))
			}
			return int(min(size, uint64(most))) // on a machine of 32 bits more would wrap
		}
	}
	p.add(key, value, "want a size in octets with its unit, such as 64KiB or 1MiB")
	return 0
}

func sizeText(octets int) string {
	for _, unit := range []string{"KiB", "MiB"} {
		if octets >>= 10; octets < 1<<10 {
			return fmt.Sprint(octets, unit)
		}
	}
	return fmt.Sprint(octets>>10, "GiB")
}

// notMore checks that one duration does not exceed another; neither is judged when it could not be read.
func (p *problems) notMore(key string, value time.Duration, otherKey string, other time.Duration) {
	if value > 0 && other > 0 && value > other {
		p.add(key, value.String(), fmt.Sprintf("want at most %s, %v", otherKey, other))
	}
}

// address reads an IPv6 address that packets can be sent to.
func (p *problems) address(key, value string) netip.Addr {
	a, err := netip.ParseAddr(value)
	switch {
	case value == "":
		p.add(key, value, "is missing: want an IPv6 address")
	case err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "":
		p.add(key, value, "want an IPv6 address such as 2001:db8::1")
	case !a.IsGlobalUnicast():
		p.add(key, value, "want a global unicast IPv6 address")
	}
	return a
}

// notForHosts are the ranges that no home network prefix can come from, for no host could use it (RFC 4291 section 2.4).
var notForHosts = []netip.Prefix{netip.MustParsePrefix("::/8"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("ff00::/8")}

func (p *problems) prefix(key, value string) netip.Prefix {
	n, err := netip.ParsePrefix(value)
	switch {
	case err != nil || !n.Addr().Is6():
		p.add(key, value, "want an IPv6 prefix such as 2001:db8:100::/40")
	case n.Masked() != n:
		p.add(key, value, fmt.Sprintf("has bits behind its length: want %v", n.Masked()))
	case slices.ContainsFunc(notForHosts, n.Overlaps):
		p.add(key, value, "has unspecified, link-local or multicast addresses: want a global unicast prefix such as 2001:db8:100::/40")
	}
	return n
}

func (p *problems) prefixes(key string, values []string) []netip.Prefix {
	var list []netip.Prefix
	for i, value := range values {
		list = append(list, p.prefix(fmt.Sprintf("%s[%d]", key, i), value))
	}
	return list
}

// mac reads the address of one network interface.
func (p *problems) mac(key, value string) (mac [6]byte) {
	hw, err := net.ParseMAC(value)
	if err != nil || len(hw) != len(mac) || hw[0]&1 != 0 || [6]byte(hw) == mac {
		p.add(key, value, "want a MAC address of one interface, no group and not all zero, such as 02:00:00:00:00:01")
		return mac
	}
	return [6]byte(hw)
}

func (p *problems) oneOf(key, value string, choices ...string) string {
	for _, c := range choices {
		if value == c {
			return value
		}
	}
	want := "want one of " + strings.Join(choices, ", ")
	if value == "" {
		want = "is missing: " + want
	}
	p.add(key, value, want)
	return value
}

func (p *problems) required(key, value, want string) string {
	if value == "" {
		p.add(key, value, "is missing: want "+want)
	}
	return value
}

// interfaceName reads the name of a network interface, as far as the kernel knows such names.
func (p *problems) interfaceName(key, value string) string {
	switch {
	case value == "":
		p.add(key, value, "is missing: want the name of a network interface")
	case len(value) > 15 || value == "." || value == ".." || strings.ContainsAny(value, "/: \t\r\n\v\f"):
		p.add(key, value, "want the name of a network interface: 1 to 15 characters, without blank, slash and colon")
	}
	return value
}

// notLonger checks a text that must fit somewhere.
func (p *problems) notLonger(key, value string, most int) string {
	if len(value) > most {
		p.add(key, value, fmt.Sprintf("want at most %d octets", most))
	}
	return value
}

func (p *problems) between(key string, value, least, most int) int {
	if value < least || value > most {
		p.add(key, fmt.Sprint(value), fmt.Sprintf("want a whole number from %d to %d", least, most))
	}
	return value
}

func (p *problems) addrPort(key, value string) netip.AddrPort {
	a, err := netip.ParseAddrPort(value)
	if err != nil || a.Port() == 0 || a.Addr().IsMulticast() {
		p.add(key, value, "want address:port such as 127.0.0.1:9521 or [::]:514")
	}
	return a
}

// loopback reads an address:port that only this host reaches, or "" for none.
func (p *problems) loopback(key, value string) string {
	if value == "" {
		return ""
	}
	if a := p.addrPort(key, value); a.IsValid() && !a.Addr().IsLoopback() {
		p.add(key, value, "want a loopback address such as 127.0.0.1:9521: what it serves has no access control")
	}
	return value
}
