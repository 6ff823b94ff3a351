package mihnode

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"netlmm/configs"
	"netlmm/mih"
)

func TestSecretsOfRadiusAreRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	s := Sources{Radius: configs.Radius{
		Listen: netip.MustParseAddrPort("127.0.0.1:1813"), Identity: []string{"user_name"},
		Clients: []configs.RadiusClient{{Address: netip.MustParsePrefix("192.0.2.1/32"), SecretFile: file, Links: []configs.RadiusLink{{Interface: "acc0"}}}},
		Forward: configs.RadiusForward{Server: netip.MustParseAddrPort("192.0.2.5:1813"), SecretFile: file},
	}}
	for _, test := range []struct{ text, want, problem string }{
		{"a secret\r\n", "a secret", ""}, {" with blanks \n\n", " with blanks ", ""}, {"\n", "", "nothing but line breaks"},
	} {
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		secret, err := sharedSecret(file)
		if string(secret) != test.want || (err == nil) != (test.problem == "") {
			t.Errorf("%q: %q, %v", test.text, []byte(secret), err)
		}
		list, err := s.Adapters()
		if test.problem == "" && (err != nil || len(list) != 1 || list[0].Name() != "radius") || test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)) {
			t.Errorf("%q: %d adapters, %v", test.text, len(list), err)
		}
	}
	if events := s.Events(); events != mih.Events(mih.EventLinkUp, mih.EventLinkDown) {
		t.Errorf("events %v", events)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Adapters(); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("without the file: %v", err)
	}
}
