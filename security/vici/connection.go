package vici

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/strongswan/govici/vici"
)

// Secret is a pre-shared key. It never prints: formatting, logging and encoding it yield a placeholder.
type Secret struct{ value string }

const hidden = "(secret)"

// NewSecret holds value.
func NewSecret(value string) Secret { return Secret{value: value} }

// String, GoString, MarshalText and LogValue hide the value.
func (Secret) String() string { return hidden }

// GoString hides the value.
func (Secret) GoString() string { return hidden }

// MarshalText hides the value.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the value.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// IsZero says whether no secret is held.
func (s Secret) IsZero() bool { return s.value == "" }

// Auth is how both ends authenticate.
type Auth string

// Authentication methods of RFC 7296.
const (
	AuthPSK    Auth = "psk"    // pre-shared key
	AuthPubkey Auth = "pubkey" // certificate
)

// ConnectionConfig is a connection that the daemon loads itself. Zero values take the defaults named here; those of
// Mode, and what the traffic selectors call Mobility Headers, follow charon's kernel plugin, as RFC 5213 section 4 wants it where the
// kernel does ESP.
type ConnectionConfig struct {
	Name, Child                 string
	LocalAddress, RemoteAddress netip.Addr // ends of IKE and ESP, and the traffic selectors
	LocalID, RemoteID           string     // IKE identities; with certificates: in their subject or subjectAltName
	Auth                        Auth
	PSK                         Secret        // for AuthPSK
	CertFile, KeyFile, CAFile   string        // PEM or DER, for AuthPubkey; CAFile signs the peer's certificate
	IKEProposals                []string      // aes128-sha256-curve25519
	ESPProposals                []string      // aes128gcm16
	Mode                        string        // "transport"; "tunnel" with kernel-libipsec, which knows no other
	DPDDelay                    time.Duration // 2s; a peer that is silent for so long is probed, whole seconds
	RekeyTime                   time.Duration // of the CHILD_SA; charon's default (1h) when zero
}

// Load gives charon the credentials and then the connection; what was loaded under the same name is replaced, SAs that
// stand are left alone.
func (c *Client) Load(ctx context.Context, cfg ConnectionConfig) error {
	plugin, err := c.KernelPlugin(ctx)
	if err != nil {
		return err
	}
	type command struct {
		name string
		in   *vici.Message
	}
	var commands []command
	add := func(name string, in any) error {
		m, err := vici.MarshalMessage(in)
		if err != nil {
			return fmt.Errorf("build the message %s for connection %s: %w", name, cfg.Name, err)
		}
		commands = append(commands, command{name, m})
		return nil
	}
	conn := connectionMessage(cfg, plugin)
	switch cfg.Auth {
	case AuthPSK:
		if cfg.PSK.IsZero() {
			return fmt.Errorf("connection %s: no pre-shared key is configured", cfg.Name)
		}
		err = add("load-shared", sharedKey{ID: "netlmm-" + cfg.Name, Type: "IKE", Data: cfg.PSK.value, Owners: []string{cfg.LocalID, cfg.RemoteID}})
	case AuthPubkey:
		var certificate, key, authority string
		if certificate, err = readCredential(cfg.CertFile); err == nil {
			if key, err = readCredential(cfg.KeyFile); err == nil {
				authority, err = readCredential(cfg.CAFile)
			}
		}
		if err == nil {
			conn.Local.Certs, conn.Remote.CACerts = []string{certificate}, []string{authority}
			err = errors.Join(
				add("load-cert", certificateFile{Type: "X509", Flag: "CA", Data: authority}),
				add("load-key", privateKey{Type: "any", Data: key}))
		}
	default:
		err = fmt.Errorf("authentication %q is neither psk nor pubkey", cfg.Auth)
	}
	if err != nil {
		return fmt.Errorf("connection %s: %w", cfg.Name, err)
	}
	if err := add("load-conn", map[string]connection{cfg.Name: conn}); err != nil {
		return err
	}
	for _, cmd := range commands {
		err := c.withSession(ctx, func(ctx context.Context, s *vici.Session) error {
			_, err := call(ctx, s, cmd.name, cmd.in)
			return err
		})
		if err != nil {
			return fmt.Errorf("load connection %s: %w", cfg.Name, err)
		}
	}
	return nil
}

// The messages of load-shared, load-cert, load-key and load-conn, as far as we use them.
type sharedKey struct {
	ID     string   `vici:"id"`
	Type   string   `vici:"type"`
	Data   string   `vici:"data"`
	Owners []string `vici:"owners"`
}

type certificateFile struct {
	Type string `vici:"type"`
	Flag string `vici:"flag"`
	Data string `vici:"data"`
}

type privateKey struct {
	Type string `vici:"type"`
	Data string `vici:"data"`
}

type connection struct {
	Version     string           `vici:"version"`
	LocalAddrs  []string         `vici:"local_addrs"`
	RemoteAddrs []string         `vici:"remote_addrs"`
	Proposals   []string         `vici:"proposals"`
	MOBIKE      bool             `vici:"mobike"`
	ReauthTime  int              `vici:"reauth_time"`
	Unique      string           `vici:"unique"`
	DPDDelay    string           `vici:"dpd_delay"`
	Local       endpoint         `vici:"local"`
	Remote      endpoint         `vici:"remote"`
	Children    map[string]child `vici:"children"`
}

type endpoint struct {
	Auth    string   `vici:"auth"`
	ID      string   `vici:"id"`
	Certs   []string `vici:"certs"`
	CACerts []string `vici:"cacerts"`
}

type child struct {
	Mode         string   `vici:"mode"`
	LocalTS      []string `vici:"local_ts"`
	RemoteTS     []string `vici:"remote_ts"`
	ESPProposals []string `vici:"esp_proposals"`
	StartAction  string   `vici:"start_action"`
	DPDAction    string   `vici:"dpd_action"`
	CloseAction  string   `vici:"close_action"`
	RekeyTime    string   `vici:"rekey_time"`
}

// connectionMessage fills in the defaults. charon starts nothing on its own (start, close and DPD actions only clear):
// the daemon initiates, so that there is one place that paces.
func connectionMessage(cfg ConnectionConfig, plugin string) connection {
	mode := "transport"
	if plugin == KernelLibipsec {
		mode = "tunnel"
	}
	if cfg.Mode != "" {
		mode = cfg.Mode
	}
	dpd := cfg.DPDDelay
	if dpd == 0 {
		dpd = 2 * time.Second
	}
	ch := child{
		Mode: mode, LocalTS: cfg.selectors(cfg.LocalAddress, plugin), RemoteTS: cfg.selectors(cfg.RemoteAddress, plugin),
		ESPProposals: orDefault(cfg.ESPProposals, "aes128gcm16"),
		StartAction:  "none", DPDAction: "clear", CloseAction: "none",
	}
	if cfg.RekeyTime != 0 {
		ch.RekeyTime = seconds(cfg.RekeyTime)
	}
	return connection{
		Version: "2", LocalAddrs: []string{cfg.LocalAddress.String()}, RemoteAddrs: []string{cfg.RemoteAddress.String()},
		Proposals: orDefault(cfg.IKEProposals, "aes128-sha256-curve25519"),
		Unique:    "replace", DPDDelay: seconds(dpd),
		Local:    endpoint{Auth: string(cfg.Auth), ID: cfg.LocalID},
		Remote:   endpoint{Auth: string(cfg.Auth), ID: cfg.RemoteID},
		Children: map[string]child{cfg.Child: ch},
	}
}

func orDefault(list []string, value string) []string {
	if len(list) == 0 {
		return []string{value}
	}
	return list
}

// seconds rounds up to what charon takes.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10) + "s"
}

// readCredential returns the file's content as DER; charon reads that without its pem plugin.
func readCredential(path string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	block, rest := pem.Decode(data)
	for block != nil && strings.HasSuffix(block.Type, "PARAMETERS") { // openssl writes the curve before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return string(data), nil
	}
	return string(block.Bytes), nil
}
