package main

import (
	"context"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"netlmm/cmd/internal/api"
	"netlmm/cmd/internal/daemon"
	"netlmm/configs"
	"netlmm/mobility"
	"netlmm/mobility/lma"
	"netlmm/mobility/mh"
	"netlmm/security"
)

var gateways = []configs.Peer{{Name: "one", Peer: security.Peer{Address: mag1}}, {Name: "two", Peer: security.Peer{Address: mag2}}}

func TestRevocationOrders(t *testing.T) {
	for _, c := range []struct{ mobileNode, gateway, want, refusal string }{
		{"mn1@example.net", "", "mobile node mn1@example.net", ""},
		{"02:00:00:00:00:01", "", "mobile node 02:00:00:00:00:01", ""},
		{"", "two", "gateway " + mag2.String(), ""},
		{"", mag1.String(), "gateway " + mag1.String(), ""},
		{"", "three", "", "three is no gateway of this anchor"},
		{"", "2001:db8::9", "", "is no gateway"},
		{"", "", "", "want one of"},
		{"a", "two", "", "want one of"},
	} {
		o, err := newRevocation(gateways, c.mobileNode, c.gateway)
		if c.refusal != "" {
			if err == nil || !strings.Contains(err.Error(), c.refusal) {
				t.Errorf("%q, %q: error %v", c.mobileNode, c.gateway, err)
			}
		} else if err != nil || o.String() != c.want {
			t.Errorf("%q, %q: %v, error %v", c.mobileNode, c.gateway, o, err)
		}
	}
}

func TestRevocationOutcomesFindTheirOrders(t *testing.T) {
	var r revocations
	mn1 := mobility.NAI("mn1@example.net")
	ofNode := &revocation{mobileNodeID: mn1, missing: 2, done: make(chan struct{})}
	ofGateway := &revocation{gateway: mag2, missing: 4, done: make(chan struct{})}
	r.begin(ofNode)
	r.begin(ofGateway)
	r.outcome(lma.RevocationEnded{ProxyCareOfAddress: mag1, MobileNodeID: mn1, Answered: true, Status: mh.RevocationSuccess, Bindings: 1})
	r.outcome(lma.RevocationEnded{ProxyCareOfAddress: mag1, Bindings: 3}) // another gateway's
	select {
	case <-ofNode.done:
		t.Error("done although one gateway has not answered")
	default:
	}
	r.outcome(lma.RevocationEnded{ProxyCareOfAddress: mag2, MobileNodeID: mn1, Bindings: 1})
	r.outcome(lma.RevocationEnded{ProxyCareOfAddress: mag2, Answered: true, Status: mh.RevocationGlobalNotAuthorized, Bindings: 3})
	<-ofNode.done
	<-ofGateway.done
	var got []string
	for _, result := range []api.Revocation{r.end(ofNode), r.end(ofGateway)} {
		if !result.Complete {
			t.Errorf("%+v", result)
		}
		for _, o := range result.Outcomes {
			got = append(got, o.Gateway.String()+" "+o.MobileNodeID.String()+" "+o.Status)
		}
	}
	want := []string{mag1.String() + " mn1@example.net success", mag2.String() + " mn1@example.net timeout",
		mag2.String() + " mn1@example.net timeout", mag2.String() + " none global_revocation_not_authorized"}
	if !slices.Equal(got, want) || len(r.orders) != 0 {
		t.Errorf("%q, want %q; %d orders left", got, want, len(r.orders))
	}
}

func TestRevocationPatienceCoversTheRetransmissions(t *testing.T) {
	cfg := &configs.Lmad{BRIMaxRetriesNumber: 3, InitMINDelayBRIs: time.Second, MaxBRAckTimeout: 2 * time.Second}
	if got := revocationPatience(cfg); got != (1+1+2+2+2)*time.Second {
		t.Errorf("%v", got)
	}
}

// TestRevocationEndedIsTold: to the counters, to the history and to who waits.
func TestRevocationEndedIsTold(t *testing.T) {
	a := &anchor{log: slog.New(slog.DiscardHandler), counters: daemon.NewCounters(prometheus.NewRegistry(), map[string]string{revoked: "r"}), cfg: &configs.Lmad{MAGs: gateways}}
	o := &revocation{mobileNodeID: mobility.NAI("a"), missing: 1, done: make(chan struct{})}
	a.revocations.begin(o)
	a.execute(lma.RevocationEnded{ProxyCareOfAddress: mag1, MobileNodeID: mobility.NAI("a"), Answered: true, Status: mh.RevocationPartialSuccess, Bindings: 1})
	<-o.done
	if n := a.counters.Snapshot()[revoked+"{partial_success}"]; n != 1 {
		t.Errorf("counted %d", n)
	}
	if list := a.history.newest(0); len(list) != 1 || list[0].Outcome != "revoked: partial_success" || list[0].From != mag1 || list[0].CorrelationID == 0 {
		t.Errorf("history %+v", list)
	}
	if _, err := a.revoke(context.Background(), daemon.Parameters(url.Values{})); err == nil {
		t.Error("an order for nobody was taken")
	}
}

func TestAuthorizedFor(t *testing.T) {
	if authorizedFor(gateways) != nil || compat(gateways) != nil {
		t.Error("a question for every message although no gateway is confined and none deviates")
	}
	confined := slices.Clone(gateways)
	confined[0].MobileNodes = []string{"*@example.net"}
	confined[0].HomeNetworkPrefixes = []netip.Prefix{netip.MustParsePrefix("2001:db8:1000::/40"), netip.MustParsePrefix("10.64.0.0/16")}
	confined[1].Compat = mobility.CompatOAI
	may := authorizedFor(confined)
	ours, other := mobility.NAI("a@example.net"), mobility.NAI("a@example.org")
	for _, c := range []struct {
		gateway netip.Addr
		id      mobility.MobileNodeID
		prefix  string
		want    bool
	}{
		{mag1, ours, "", true}, {mag1, other, "", false}, {mag2, other, "", true},
		{mag1, ours, "2001:db8:10ff::/64", true}, {mag1, ours, "2001:db8:2000::/64", false}, {mag1, ours, "2001:db8::/32", false},
		{mag1, ours, "10.64.1.2/32", true}, {mag1, ours, "10.65.1.2/32", false}, {mag2, other, "10.65.1.2/32", true},
		{mag1, other, "10.64.1.2/32", false},
	} {
		var prefix netip.Prefix
		if c.prefix != "" {
			prefix = netip.MustParsePrefix(c.prefix)
		}
		if got := may(c.gateway, c.id, prefix); got != c.want {
			t.Errorf("%v registers %v with %q: %v, want %v", c.gateway, c.id, c.prefix, got, c.want)
		}
	}
	if of := compat(confined); of(mag1) != mobility.CompatStrict || of(mag2) != mobility.CompatOAI {
		t.Error("profiles of peers are mixed up")
	}
}
