package listening

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"
)

// TestKeep: a socket that fails is opened again, and the state says what it is in meanwhile.
func TestKeep(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var s Socket
	at := netip.MustParseAddrPort("[::1]:514")
	opened, failed := 0, 0
	s.Keep(ctx, func(context.Context) error {
		if opened++; opened == 3 {
			cancel()
			return nil
		}
		s.Opened(at)
		if s.Address() != at || s.Failure() != "" {
			t.Errorf("open: %v, %q", s.Address(), s.Failure())
		}
		return errors.New("port in use")
	}, func(err error) {
		if failed++; s.Address().IsValid() || s.Failure() != err.Error() {
			t.Errorf("failed: %v, %q", s.Address(), s.Failure())
		}
	})
	if opened != 3 || failed != 2 {
		t.Errorf("opened %d times, failed %d times", opened, failed)
	}
}

func TestDetail(t *testing.T) {
	for want, heard := range map[string]time.Time{"never heard": {}, "last heard 1970-01-01T00:16:40Z": time.Unix(1000, 0)} {
		if got := Detail(heard); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
