package vici

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/strongswan/govici/vici"

	"netlmm/security"
)

// The kernel plugins that charon may do ESP with.
const (
	KernelNetlink  = "kernel-netlink"  // ESP of the Linux kernel
	KernelLibipsec = "kernel-libipsec" // ESP in charon itself, behind a TUN device; tunnel mode only
)

// withSession runs f on the command session, dialling one when there is none. Any error other than charon's refusal
// discards it: a reply that comes late would kill it anyway.
func (c *Client) withSession(ctx context.Context, f func(context.Context, *vici.Session) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.CommandTimeout)
	defer cancel()
	if c.session == nil {
		session, pace, err := c.dialPaced()
		if err != nil {
			return err
		}
		c.session, c.pace = session, pace
		plugin, err := kernelPlugin(ctx, session)
		if err != nil {
			c.drop()
			return fmt.Errorf("ask charon for its kernel plugin: %w", err)
		}
		c.plugin.Store(plugin)
	}
	c.pace.begin()
	err := f(ctx, c.session)
	var refused *Refused
	if err != nil && !errors.As(err, &refused) {
		c.drop()
	}
	return err
}

// drop discards the command session; the lock is held.
func (c *Client) drop() {
	if c.session != nil {
		c.session.Close()
		c.session, c.pace = nil, nil
	}
}

func (c *Client) discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop()
}

func (c *Client) currentPlugin() string {
	plugin, _ := c.plugin.Load().(string)
	return plugin
}

// Refused is charon's answer that a command failed.
type Refused struct {
	Command string
	Text    string // charon's own words
}

// Error names the command and charon's words.
func (r *Refused) Error() string { return fmt.Sprintf("charon refused %s: %s", r.Command, r.Text) }

// call one command. A reply that says "no" becomes *Refused.
func call(ctx context.Context, session *vici.Session, command string, in *vici.Message) (*vici.Message, error) {
	out, err := session.Call(ctx, command, in)
	switch {
	case err != nil && out != nil:
		text, _ := out.Get("errmsg").(string)
		return out, &Refused{Command: command, Text: text}
	case err != nil:
		return nil, fmt.Errorf("charon did not answer %s: %w", command, err)
	}
	return out, nil
}

// stream collects the event messages of a listing command; the lock is held.
func (c *Client) stream(ctx context.Context, session *vici.Session, command, event string, in *vici.Message) ([]*vici.Message, error) {
	var all []*vici.Message
	for m, err := range session.CallStreaming(ctx, command, event, in) {
		if err != nil {
			return nil, fmt.Errorf("charon did not answer %s: %w", command, err)
		}
		c.pace.took()
		all = append(all, m)
	}
	return all, nil
}

// kernelPlugin finds how charon does ESP; kernel-libipsec takes ESP over from kernel-netlink when both are loaded.
func kernelPlugin(ctx context.Context, session *vici.Session) (string, error) {
	out, err := call(ctx, session, "stats", nil)
	if err != nil {
		return "", err
	}
	plugins, _ := out.Get("plugins").([]string)
	for _, name := range []string{KernelLibipsec, KernelNetlink} {
		if slices.Contains(plugins, name) {
			return name, nil
		}
	}
	return "", errors.New("charon has neither kernel-netlink nor kernel-libipsec loaded: correct `load` in strongswan.conf")
}

// KernelPlugin is KernelNetlink or KernelLibipsec.
func (c *Client) KernelPlugin(ctx context.Context) (plugin string, err error) {
	err = c.withSession(ctx, func(context.Context, *vici.Session) error {
		plugin = c.currentPlugin()
		return nil
	})
	return plugin, err
}

// Version of charon, as in "charon-systemd 5.9.8".
func (c *Client) Version(ctx context.Context) (version string, err error) {
	err = c.withSession(ctx, func(ctx context.Context, s *vici.Session) error {
		out, err := call(ctx, s, "version", nil)
		if err != nil {
			return err
		}
		var v struct {
			Daemon  string `vici:"daemon"`
			Version string `vici:"version"`
		}
		if err := vici.UnmarshalMessage(out, &v); err != nil {
			return err
		}
		version = v.Daemon + " " + v.Version
		return nil
	})
	return version, err
}

// SAs lists the CHILD_SAs that carry packets now.
func (c *Client) SAs(ctx context.Context) (sas []security.ChildSA, err error) {
	err = c.eachIKE(ctx, nil, func(connection string, ike ikeSA) {
		for _, ch := range ike.Children {
			if carries(ch.State) {
				sas = append(sas, ch.security(connection, ike, c.currentPlugin(), time.Now()))
			}
		}
	})
	return sas, err
}

// eachIKE lists IKE_SAs. visit runs under the lock.
func (c *Client) eachIKE(ctx context.Context, in *vici.Message, visit func(connection string, ike ikeSA)) error {
	return c.withSession(ctx, func(ctx context.Context, s *vici.Session) error {
		messages, err := c.stream(ctx, s, "list-sas", "list-sa", in)
		if err != nil {
			return err
		}
		for _, m := range messages {
			for _, connection := range m.Keys() {
				section, isSection := m.Get(connection).(*vici.Message)
				if !isSection {
					continue
				}
				var ike ikeSA
				if err := vici.UnmarshalMessage(section, &ike); err != nil {
					return fmt.Errorf("read charon's list of SAs: %w", err)
				}
				visit(connection, ike)
			}
		}
		return nil
	})
}

// Connections lists what is loaded, one entry per child.
func (c *Client) Connections(ctx context.Context) (connections []security.Connection, err error) {
	err = c.withSession(ctx, func(ctx context.Context, s *vici.Session) error {
		messages, err := c.stream(ctx, s, "list-conns", "list-conn", nil)
		if err != nil {
			return err
		}
		for _, m := range messages {
			for _, name := range m.Keys() {
				if section, isSection := m.Get(name).(*vici.Message); isSection {
					connections = append(connections, readConnection(name, section, c.currentPlugin())...)
				}
			}
		}
		return nil
	})
	return connections, err
}

func readConnection(name string, section *vici.Message, plugin string) []security.Connection {
	var conn struct {
		Children map[string]struct {
			LocalTS  []string `vici:"local-ts"`
			RemoteTS []string `vici:"remote-ts"`
		} `vici:"children"`
	}
	if err := vici.UnmarshalMessage(section, &conn); err != nil {
		return []security.Connection{{Name: name}}
	}
	var all []security.Connection
	for child, ts := range conn.Children {
		c := security.Connection{Name: name, Child: child}
		c.Local, c.Remote, c.Covers = between(ts.LocalTS, ts.RemoteTS, plugin)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b security.Connection) int { return strings.Compare(a.Child, b.Child) })
	return all
}

// Initiate brings the child of the connection up and waits until charon says how it ended, at most InitiateTimeout. The
// error holds charon's last words. An attempt that did not finish leaves no half-open IKE_SA behind: charon would go on
// with that one, at its own slow retransmissions, instead of starting anew.
func (c *Client) Initiate(ctx context.Context, connection, child string) error {
	select {
	case c.parallel <- struct{}{}:
		defer func() { <-c.parallel }()
	case <-ctx.Done():
		return ctx.Err()
	}
	session, err := c.dial()
	if err != nil {
		return err
	}
	defer session.Close()
	in := vici.NewMessage()
	err = setAll(in, "ike", connection, "child", child, "timeout", c.cfg.InitiateTimeout.Milliseconds(), "loglevel", 1)
	if err != nil {
		return err
	}
	callCtx, cancel := context.WithTimeout(ctx, c.cfg.InitiateTimeout+c.cfg.CommandTimeout)
	defer cancel()
	var words []string
	for m, err := range session.CallStreaming(callCtx, "initiate", "control-log", in) {
		if err != nil {
			text := err.Error()
			if m != nil {
				text, _ = m.Get("errmsg").(string)
			}
			c.abandon(ctx, connection)
			return &Refused{Command: "initiate", Text: strings.Join(append(words, text), "; ")}
		}
		if msg, _ := m.Get("msg").(string); telling(msg) {
			words = append(words, msg)
		}
	}
	return nil
}

// telling picks from charon's log of an initiation what explains a failure; at most a few short lines.
func telling(msg string) bool {
	for _, word := range []string{"notify", "failed", "no matching", "mismatch", "not found", "unable", "constraint"} {
		if len(msg) < 300 && strings.Contains(strings.ToLower(msg), word) {
			return true
		}
	}
	return false
}

func (c *Client) abandon(ctx context.Context, connection string) {
	in := vici.NewMessage()
	if in.Set("ike", connection) != nil {
		return
	}
	var halfOpen []string
	err := c.eachIKE(ctx, in, func(_ string, ike ikeSA) {
		if ike.State == "CONNECTING" {
			halfOpen = append(halfOpen, ike.UniqueID)
		}
	})
	if err != nil {
		return // charon is gone, and with it the half-open IKE_SA
	}
	for _, id := range halfOpen {
		_ = c.Terminate(ctx, id) // it may have ended meanwhile
	}
}

// Terminate closes the IKE_SA with this unique id at once, without waiting for the peer's answer.
func (c *Client) Terminate(ctx context.Context, ikeUniqueID string) error {
	in := vici.NewMessage()
	if err := setAll(in, "ike-id", ikeUniqueID, "force", "yes", "timeout", 1000); err != nil {
		return err
	}
	return c.withSession(ctx, func(ctx context.Context, s *vici.Session) error {
		_, err := call(ctx, s, "terminate", in)
		return err
	})
}

// setAll sets keys and values in turn.
func setAll(m *vici.Message, pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := m.Set(pairs[i].(string), pairs[i+1]); err != nil {
			return fmt.Errorf("build a VICI message: %w", err)
		}
	}
	return nil
}
