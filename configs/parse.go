package configs

import (
	"fmt"
	"net"
	"net/netip"
	"os"
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

// address reads an IPv6 address that packets can be sent to.
func (p *problems) address(key, value string) netip.Addr {
	a, err := netip.ParseAddr(value)
	switch {
	case value == "":
		p.add(key, value, "is missing: want an IPv6 address")
	case err != nil || !a.Is6() || a.Is4In6() || a.Zone() != "":
		p.add(key, value, "want an IPv6 address such as 2001:db8::1")
	case a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast():
		p.add(key, value, "want a global unicast IPv6 address")
	}
	return a
}

func (p *problems) prefix(key, value string) netip.Prefix {
	n, err := netip.ParsePrefix(value)
	switch {
	case err != nil || !n.Addr().Is6():
		p.add(key, value, "want an IPv6 prefix such as 2001:db8:100::/40")
	case n.Masked() != n:
		p.add(key, value, fmt.Sprintf("has bits behind its length: want %v", n.Masked()))
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

func (p *problems) mac(key, value string) (mac [6]byte) {
	hw, err := net.ParseMAC(value)
	if err != nil || len(hw) != 6 {
		p.add(key, value, "want a MAC address such as 02:00:00:00:00:01")
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

func (p *problems) required(key, value string) string {
	if value == "" {
		p.add(key, value, "is missing")
	}
	return value
}

func (p *problems) atLeast(key string, value, least int) int {
	if value < least {
		p.add(key, fmt.Sprint(value), fmt.Sprintf("want at least %d", least))
	}
	return value
}

func (p *problems) addrPort(key, value string) netip.AddrPort {
	a, err := netip.ParseAddrPort(value)
	if err != nil {
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

// secretFile checks that a file with a secret exists and that nobody but its owner reads it.
func (p *problems) secretFile(key, path string) string {
	p.checkFile(key, path, true)
	return path
}

func (p *problems) plainFile(key, path string) string {
	p.checkFile(key, path, false)
	return path
}

func (p *problems) checkFile(key, path string, secret bool) {
	info, err := os.Stat(path)
	switch {
	case path == "":
		p.add(key, path, "is missing: want the path of a file")
	case err != nil:
		p.add(key, path, "cannot be read: "+err.Error())
	case secret && info.Mode().Perm()&0o077 != 0:
		p.add(key, path, fmt.Sprintf("has mode %04o, so others can read the secret: chmod 600 it", info.Mode().Perm()))
	}
}
