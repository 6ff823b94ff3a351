package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// Client asks one daemon.
type Client struct {
	socket string
	http   http.Client
}

// NewClient returns a client for the daemon behind a unix socket.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &Client{socket, http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 10 * time.Second}}
}

// Get asks for one path and decodes the answer into result.
func (c *Client) Get(ctx context.Context, path string, result any) error {
	return c.do(ctx, http.MethodGet, path, result)
}

// DeleteBinding ends the bindings of one mobile node.
func (c *Client) DeleteBinding(ctx context.Context, mobileNode string) error {
	return c.do(ctx, http.MethodDelete, PathBindings+"?mobile_node="+url.QueryEscape(mobileNode), &struct{}{})
}

// Revoke ends bindings and tells their gateways: those of mobileNode or, when that is empty, of a gateway by its name or its
// address. With wait the answer comes when the gateways have answered or been given up.
func (c *Client) Revoke(ctx context.Context, mobileNode, gateway string, wait bool) (r Revocation, err error) {
	parameters := url.Values{"wait": {strconv.FormatBool(wait)}}
	if mobileNode != "" {
		parameters.Set("mobile_node", mobileNode)
	}
	if gateway != "" {
		parameters.Set("gateway", gateway)
	}
	patient := Client{c.socket, c.http}
	patient.http.Timeout = 0 // the daemon knows how long its gateways may take
	err = patient.do(ctx, http.MethodPost, PathRevocations+"?"+parameters.Encode(), &r)
	return r, err
}

// LinkChanges waits for what becomes of the links after an answer; the zero one stands for nothing.
func (c *Client) LinkChanges(ctx context.Context, after LinkChanges) (changes LinkChanges, err error) {
	parameters := url.Values{"wait": {"true"}, "incarnation": {strconv.FormatUint(after.Incarnation, 10)}, "after": {strconv.FormatUint(after.Revision, 10)}}
	patient := Client{c.socket, c.http}
	patient.http.Timeout += LinkChangesWait
	err = patient.do(ctx, http.MethodGet, PathLinkChanges+"?"+parameters.Encode(), &changes)
	return changes, err
}

// RegisterAgain has a gateway ask its anchors again for what they refused until an administrative action: of one mobile node,
// or with an empty name of all.
func (c *Client) RegisterAgain(ctx context.Context, mobileNode string) (r Registrations, err error) {
	err = c.do(ctx, http.MethodPost, PathRegistrations+"?mobile_node="+url.QueryEscape(mobileNode), &r)
	return r, err
}

func (c *Client) do(ctx context.Context, method, path string, result any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://netlmm"+path, nil)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return c.explain(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var body Error
		if json.NewDecoder(response.Body).Decode(&body) != nil || body.Message == "" {
			body.Message = response.Status
		}
		return errors.New(body.Message)
	}
	return json.NewDecoder(response.Body).Decode(result)
}

func (c *Client) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: no such socket: is the daemon running? name its admin.socket with --socket", c.socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: nobody answers: the daemon has ended; start it again", c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: permission denied: run as root", c.socket)
	}
	return fmt.Errorf("%s: %w", c.socket, err)
}
