package decision

import (
	"testing"
	"time"

	"netlmm/mobility"
	"netlmm/mobility/policy"
)

// An answer under way is older than what a server demands meanwhile, and does not undo it.
func TestAnAnswerOlderThanADemand(t *testing.T) {
	cui := accept(func(g *policy.Grant) { g.ChargeableUserIdentity = "cui" })
	begin := func() *bench {
		b := newBench(t, asking(policy.RADIUS), policy.NewTable(nil, open))
		b.handle(come(1, "a@x"))
		b.handle(Answered{1, cui})
		b.handle(Registered{at(1), b.now, lma1})
		b.now = b.now.Add(2 * time.Minute)
		b.want(b.handle(come(1, "a@x")), "ask 2 for a@x") // it roams
		return b
	}
	disconnect := func(b *bench, d policy.Demand) string { d.Disconnect = true; return b.handle(Demanded{d}) }
	for _, d := range []policy.Demand{{UserName: "a@x"}, {Identifiers: []string{"cui"}}, {LinkLayerID: at(1).LinkLayerID}} {
		b := begin()
		b.want(disconnect(b, d), "disconnected; leave 1; disassociate 1; answer 0")
		b.want(b.handle(Answered{2, cui}), "answer_too_late")
		b.want(b.handle(come(1, "a@x")), "ask 3 for a@x")
	}

	b := begin() // it left, and the question is open still
	b.handle(Detached{Station: at(1)})
	b.want(disconnect(b, policy.Demand{UserName: "a@x"}), "answer 503")
	b.handle(Answered{2, cui})
	b.want(b.handle(come(1, "a@x")), "ask 3 for a@x")

	b = begin()
	b.handle(Answered{2, cui})
	b.want(b.handle(Demanded{policy.Demand{UserName: "a@x", Reauthorize: true}}), "ask 3 for a@x; answer 507")
	b.handle(Demanded{policy.Demand{UserName: "a@x", Changes: policy.Grant{LMAAddress: lma2}}})
	b.want(b.handle(Answered{3, cui}), "answer_too_late")
	b.want(b.handle(come(1, "a@x")), "from_cache; serve 1 as a@x at 2001:db8:f0::2")

	b = newBench(t, asking(policy.RADIUS), policy.NewTable(nil, open)) // not served, and asked about: that answer does not count
	b.handle(come(1, "a@x"))
	b.handle(Answered{1, silent})
	b.pass(defaultRetryInterval)
	b.want(disconnect(b, policy.Demand{LinkLayerID: mobility.LinkLayerID([6]byte{2, 0, 0, 0, 0, 1})}), "answer 503")
	b.want(b.handle(Answered{2, cui}), "answer_too_late; ask 3 for a@x")
}
