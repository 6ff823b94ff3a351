package kernel

import (
	"fmt"
	"os"
	"strings"
)

// sysctl is one setting below /proc/sys/net/ipv6/conf of the current network namespace.
type sysctl struct {
	path string
	want string
	only string // set it only where it holds this value; empty: whatever it holds
	why  string
}

// sysctls are the settings without which nothing is forwarded. They stay as they are after Close: a router that forwarded
// before needs them, and one that did not is told so by nothing else.
//
// Not among them: seg6_enabled, which admits segment routing headers; our packets carry none, and those of others stay
// refused. IPv6 has no rp_filter. Address generation on access links is accesslink's business.
func sysctls(uplink string) []sysctl {
	const conf = "/proc/sys/net/ipv6/conf/"
	return []sysctl{
		{path: conf + uplink + "/accept_ra", only: "1", want: "2",
			why: "a forwarding router ignores Router Advertisements unless told otherwise, and would lose the default route it learnt by one"},
		{path: conf + "all/forwarding", want: "1",
			why: "a MAG and an LMA are routers"},
	}
}

// apply writes s unless it holds already.
func (s sysctl) apply() error {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return fmt.Errorf("read a setting that is needed because %s: %w", s.why, err)
	}
	have := strings.TrimSpace(string(b))
	if have == s.want || s.only != "" && have != s.only {
		return nil
	}
	if err := os.WriteFile(s.path, []byte(s.want), 0o644); err != nil {
		return fmt.Errorf("set %s to %s, because %s: %w: run `sysctl -w` with it as root before the daemon starts", s.path, s.want, s.why, err)
	}
	return nil
}
