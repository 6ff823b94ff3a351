package mihnode

import (
	"bytes"
	"fmt"
	"os"

	"netlmm/ap-adapters/radius"
	"netlmm/configs"
)

// accounting makes the link SAP of access points that keep RADIUS accounting, with the secrets of its files.
func (s Sources) accounting() (*radius.Adapter, error) {
	c := s.Radius
	cfg := radius.Config{
		Listen: c.Listen, RateLimit: c.RateLimit, SessionTimeout: c.SessionTimeout, InterimInterval: c.InterimInterval, Untrusted: s.Untrusted, Log: s.Log,
	}
	for _, attribute := range c.Identity {
		cfg.Identity = append(cfg.Identity, radius.IdentityAttribute(attribute))
	}
	for _, client := range c.Clients {
		secret, err := sharedSecret(client.SecretFile)
		if err != nil {
			return nil, err
		}
		cfg.Clients = append(cfg.Clients, radius.Client{
			Address: client.Address, Secret: secret, RequireMessageAuthenticator: client.RequireMessageAuthenticator, Links: stationLinks(client),
		})
	}
	if c.Forward.Server.IsValid() {
		secret, err := sharedSecret(c.Forward.SecretFile)
		if err != nil {
			return nil, err
		}
		cfg.Forward = &radius.Forward{Server: c.Forward.Server, Secret: secret, Always: c.Forward.Always}
	}
	return radius.New(cfg)
}

func stationLinks(c configs.RadiusClient) (list []radius.Link) {
	for _, l := range c.Links {
		list = append(list, radius.Link{
			AccessPoint: l.AccessPoint, SSID: l.SSID, VLAN: l.VLAN, Interface: l.Interface, PointOfAttachment: l.PointOfAttachment, LinkType: l.LinkType,
		})
	}
	return list
}

// sharedSecret reads a file with a secret, which an editor may have ended with a line break.
func sharedSecret(file string) (radius.Secret, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("shared secret of RADIUS: %w", err)
	}
	secret := bytes.TrimRight(text, "\r\n")
	if len(secret) == 0 {
		return nil, fmt.Errorf("shared secret of RADIUS: %s has nothing but line breaks", file)
	}
	return secret, nil
}
