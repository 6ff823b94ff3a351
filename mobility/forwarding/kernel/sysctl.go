package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// sysctl is one setting below /proc/sys/net of the current network namespace.
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
// refused. IPv6 has no rp_filter. For that of IPv4 see keepOwn. What access links need for themselves is accesslink's business.
func sysctls(l *layout) []sysctl {
	const conf, confIPv4 = "/proc/sys/net/ipv6/conf/", "/proc/sys/net/ipv4/conf/"
	uplink := l.Uplink
	settings := []sysctl{
		{path: conf + uplink + "/accept_ra", only: "1", want: "2",
			why: "a forwarding router ignores Router Advertisements unless told otherwise, and would lose the default route it learnt by one"},
		{path: conf + "all/forwarding", want: "1",
			why: "a MAG and an LMA are routers"},
	}
	if !l.ipv4() {
		return settings
	}
	settings = append(settings, sysctl{path: "/proc/sys/net/ipv4/ip_forward", want: "1", why: "a MAG and an LMA are routers, of IPv4 too"})
	if l.Backend == SEG6 {
		settings = append(settings, sysctl{path: confIPv4 + uplink + "/rp_filter", want: "0",
			why: "what comes out of a tunnel is taken for a packet of the uplink, and the way back to its source is the tunnel"})
	}
	if l.Offload {
		settings = append(settings, sysctl{path: confIPv4 + "all/src_valid_mark", want: "1",
			why: "the way back of an offloaded flow is another one than that of other packets of the mobile node, and its mark says so"})
	}
	return append(settings,
		sysctl{path: confIPv4 + "all/rp_filter", want: "0",
			why: "it would overrule the filters of the tunnels' own links"},
		sysctl{path: confIPv4 + "all/send_redirects", want: "0",
			why: "it would overrule access links and tunnels, where a redirect would have mobile nodes look for each other themselves"})
}

// applySysctls brings the settings about that l needs.
func applySysctls(l *layout) error {
	if l.ipv4() {
		for _, name := range []string{"rp_filter", "send_redirects"} {
			if err := keepOwn("/proc/sys/net/ipv4/conf/", name); err != nil {
				return err
			}
		}
	}
	for _, s := range sysctls(l) {
		if err := s.apply(); err != nil {
			return err
		}
	}
	return nil
}

// keepOwn gives every interface for itself the setting that conf/all demands of all, so that none loses it when that one is
// lifted. It is one of those of which the greater value holds.
func keepOwn(conf, name string) error {
	all, err := os.ReadFile(conf + "all/" + name)
	if err != nil {
		return fmt.Errorf("read %s of all interfaces: %w", name, err)
	}
	links, err := os.ReadDir(conf)
	if err != nil {
		return fmt.Errorf("list the settings of interfaces: %w", err)
	}
	for _, link := range links {
		path := conf + link.Name() + "/" + name
		if own, err := os.ReadFile(path); err != nil || string(own) >= string(all) { // one digit each; an interface may be gone
			continue
		}
		if err := os.WriteFile(path, all, 0o644); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep %s of %s: %w", name, link.Name(), err)
		}
	}
	return nil
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
