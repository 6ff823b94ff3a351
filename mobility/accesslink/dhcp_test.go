package accesslink

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"netlmm/mobility"
)

var (
	home     = netip.MustParsePrefix("10.64.0.9/16")
	router   = netip.MustParseAddr("10.64.0.1")
	resolver = []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8:53::53")}
)

// openWith opens the access link name in the namespace mag.
func openWith(t testing.TB, mag space, config Config) *Link {
	t.Helper()
	config.LinkLocalAddress, config.LinkLayerAddress = mobility.FixedMAGLinkLocalAddress, mobility.FixedMAGLinkLayerAddress
	config.MTU, config.DNSServers = 1400, resolver
	var l *Link
	mag.do(func() (err error) {
		l, err = Open(config)
		return err
	})
	t.Cleanup(func() { l.Close() })
	return l
}

func (s station) offer() Offer {
	return Offer{LinkLayer: s.mac, HomeNetworkPrefixes: []netip.Prefix{s.prefix}, IPv4HomeAddress: home, IPv4DefaultRouter: router, Expires: time.Now().Add(time.Hour)}
}

func mustOffer(t testing.TB, l *Link, o Offer) {
	t.Helper()
	if err := l.Offer(o); err != nil {
		t.Fatal(err)
	}
}

func (l *Link) waits(mac [6]byte, p protocol) bool {
	l.nodes.mu.Lock()
	defer l.nodes.mu.Unlock()
	_, held := l.nodes.early[earlyKey{mac, p}]
	return held
}

// answersEarly makes the offer, and takes it back if what waits for it is too old by now.
func (l *Link) answersEarly(t testing.TB, o Offer) bool {
	t.Helper()
	mustOffer(t, l, o)
	if l.Counters().Served[ServedEarly] != 0 {
		return true
	}
	if err := l.Withdraw(o.LinkLayer); err != nil {
		t.Fatal(err)
	}
	return false
}

// client is a DHCP client that runs in a station. Its script configures eth0 and writes a line for every event.
type client struct {
	t       testing.TB
	command *exec.Cmd
	journal string
}

const udhcpcScript = `#!/bin/sh
case $1 in
deconfig) ip -4 addr flush dev $interface;;
bound|renew)
	ip -4 addr replace $ip/$mask dev $interface
	ip route replace default via $router dev $interface;;
esac
echo "$1 address=$ip/$mask router=$router mtu=$mtu dns=$dns lease=$lease server=$serverid" >>JOURNAL
`

const dhclientScript = `#!/bin/sh
case $reason in
BOUND|REBOOT) ip -4 addr replace $new_ip_address/16 dev $interface; ip route replace default via $new_routers dev $interface;;
BOUND6) ip -6 addr replace $new_ip6_address/128 dev $interface;;
PREINIT) ip link set $interface up;;
EXPIRE|FAIL) ip -4 addr flush dev $interface;;
esac
echo "$reason address=$new_ip_address$new_ip6_address mask=$new_subnet_mask router=$new_routers mtu=$new_interface_mtu dns=$new_domain_name_servers$new_dhcp6_name_servers server=$new_dhcp_server_identifier$new_dhcp6_server_id" >>JOURNAL
`

// start runs a client; SCRIPT and JOURNAL in the arguments stand for the files of those names.
func (s station) start(script, name string, arguments ...string) *client {
	s.t.Helper()
	where := s.t.TempDir()
	journal, file := filepath.Join(where, "journal"), filepath.Join(where, "script")
	syscall.ForkLock.RLock() // a child that another test forks now would hold it open for writing, and it could not be run
	err := os.WriteFile(file, []byte(strings.ReplaceAll(script, "JOURNAL", journal)), 0o755)
	syscall.ForkLock.RUnlock()
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range arguments {
		arguments[i] = strings.ReplaceAll(arguments[i], "SCRIPT", file)
	}
	c := &client{s.t, s.background(name, arguments...), journal}
	return c
}

var packages = map[string]string{"udhcpc": "udhcpc", "dhclient": "isc-dhcp-client", "dnsmasq": "dnsmasq-base"}

// background starts a program in the namespace that ends with the test.
func (s space) background(name string, arguments ...string) *exec.Cmd {
	s.t.Helper()
	command := exec.Command(name, arguments...)
	command.Stdout, command.Stderr = s.t.Output(), s.t.Output()
	command.WaitDelay = time.Second
	s.do(func() error {
		err := command.Start()
		if errors.Is(err, exec.ErrNotFound) {
			return fmt.Errorf("%s is missing: install the Debian package %s", name, packages[name])
		}
		return err
	})
	s.t.Cleanup(func() { stop(command) })
	return command
}

func stop(command *exec.Cmd) {
	_ = command.Process.Kill()
	_ = command.Wait()
}

// stopWithLease kills a dhclient once it has written down that it has the address.
func (c *client) stopWithLease(where, address string) {
	c.t.Helper()
	wait(c.t, "the client's lease file", func() bool {
		raw, _ := os.ReadFile(filepath.Join(where, "leases"))
		return strings.Contains(string(raw), address)
	})
	stop(c.command)
}

// wait waits for the line number n, from 0, that begins with event.
func (c *client) wait(event string, n int) string {
	c.t.Helper()
	var line string
	c.t.Cleanup(func() {
		if line == "" {
			c.t.Logf("the client's journal:\n%s", c.read())
		}
	})
	wait(c.t, fmt.Sprintf("%s, for the %d. time", event, n+1), func() bool {
		for found, rest := 0, strings.Split(c.read(), "\n"); len(rest) > 0; rest = rest[1:] {
			if strings.HasPrefix(rest[0], event+" ") {
				if found++; found > n {
					line = rest[0]
					return true
				}
			}
		}
		return false
	})
	return line
}

func (c *client) read() string {
	raw, _ := os.ReadFile(c.journal)
	return string(raw)
}

func (c *client) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.command.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

func (s station) udhcpc() *client {
	return s.start(udhcpcScript, "udhcpc", "-f", "-i", "eth0", "-s", "SCRIPT", "-T", "1", "-t", "30", "-A", "1", "-O", "mtu", "-O", "dns")
}

// dhclient runs with its lease in where.
func (s station) dhclient(version, where string) *client {
	configuration := filepath.Join(where, "dhclient.conf")
	text := "timeout 60;\nretry 1;\ninitial-interval 1;\nreboot 10;\nrequest subnet-mask, routers, interface-mtu, domain-name-servers;\nalso request dhcp6.name-servers;\n"
	if err := os.WriteFile(configuration, []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
	return s.start(dhclientScript, "dhclient", version, "-d", "-cf", configuration, "-sf", "SCRIPT", "-lf", filepath.Join(where, "leases"), "-pf", filepath.Join(where, "pid"), "eth0")
}

func want(t testing.TB, line string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(line, part) {
			t.Errorf("want %s in: %s", part, line)
		}
	}
}

func (s space) pings(address string) {
	s.t.Helper()
	wait(s.t, "an answer of "+address, func() bool { return s.try("ping", "-c", "1", "-W", "1", address) == nil })
}
