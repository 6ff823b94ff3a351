// Package radiustest runs FreeRADIUS for tests, with a configuration of its own that takes nothing from /etc.
package radiustest

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// FreeRADIUS is one server that is to run.
type FreeRADIUS struct {
	Dir    string // for its files, empty so far
	Listen netip.AddrPort
	Secret string // of every client
	Users  string // rlm_files: who is accepted, with what; see users(5). It reads a 64-bit number such as MIP6-Feature-Vector in decimal only
	// BareAnswers leaves out the Message-Authenticator, as FreeRADIUS 3.2.1 does by itself.
	BareAnswers bool
}

const configuration = `
name = freeradius
confdir = {dir}
logdir = {dir}
run_dir = {dir}
db_dir = {dir}
libdir = {libdir}
pidfile = {dir}/freeradius.pid
max_request_time = 5
max_requests = 16384
cleanup_delay = 2
hostname_lookups = no
log {
	destination = stdout
	auth = yes
}
security {
	max_attributes = 200
	reject_delay = 0
	status_server = no
}
thread pool {
	start_servers = 2
	max_servers = 4
	min_spare_servers = 1
	max_spare_servers = 2
}
client everybody {
	ipaddr = {everybody}
	secret = "{secret}"
	require_message_authenticator = yes
}
modules {
	files {
		filename = {dir}/users
	}
	always reject {
		rcode = reject
	}
}
server default {
	listen {
		type = auth
		{family} = {address}
		port = {port}
	}
	authorize {
		files
	}
	authenticate {
	}
	post-auth {
		{sign}
		Post-Auth-Type REJECT {
			{sign}
		}
	}
}
`

// Command writes the files and returns what runs the server in the foreground.
func (f FreeRADIUS) Command() ([]string, error) {
	binary, err := find("freeradius", "freeradius")
	if err != nil {
		return nil, err
	}
	library := "/usr/lib/freeradius"
	if _, err := os.Stat(library); err != nil {
		return nil, fmt.Errorf("%w (%s)", err, runtime.GOARCH)
	}
	sign := "update reply {\n\t\t\tMessage-Authenticator := 0x00\n\t\t}"
	if f.BareAnswers {
		sign = ""
	}
	family, everybody := "ipv6addr", "::/0"
	if f.Listen.Addr().Is4() {
		family, everybody = "ipaddr", "0.0.0.0/0"
	}
	text := strings.NewReplacer("{dir}", f.Dir, "{libdir}", library, "{secret}", f.Secret, "{family}", family, "{everybody}", everybody,
		"{address}", f.Listen.Addr().String(), "{port}", fmt.Sprint(f.Listen.Port()), "{sign}", sign).Replace(configuration)
	for name, content := range map[string]string{"radiusd.conf": text, "users": f.Users, "dictionary": "$INCLUDE /usr/share/freeradius/dictionary\n"} {
		if err := os.WriteFile(filepath.Join(f.Dir, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	return []string{binary, "-f", "-l", "stdout", "-n", "radiusd", "-d", f.Dir, "-D", f.Dir}, nil
}

// Client returns what runs radclient with a command such as auth, disconnect or coa against a server; it reads attributes from its
// standard input. The secret stands in a file.
func Client(dir, secret string, server netip.AddrPort, command string) ([]string, error) {
	binary, err := find("radclient", "freeradius-utils")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "radclient.secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		return nil, err
	}
	return []string{binary, "-x", "-r", "30", "-t", "1", "-S", file, server.String(), command}, nil
}

func find(name, debianPackage string) (string, error) {
	for _, path := range []string{name, "/usr/sbin/" + name, "/usr/bin/" + name} {
		if found, err := exec.LookPath(path); err == nil {
			return found, nil
		}
	}
	return "", errors.New(name + " is not installed; install it with: apt-get install " + debianPackage)
}
