package kernel

import (
	"errors"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"netlmm/mobility"
)

func nativeUint32(b []byte) uint32 { return binaryutil.NativeEndian.Uint32(b) }

// mirror is what is in the table, as far as we know.
type mirror struct {
	homes    map[netip.Addr]offload
	policies map[mobility.OffloadPolicy]*usedPolicy
	marks    map[uint32]int // how many home addresses have each
	free     []uint32       // numbers of policies that had one
	numbers  uint32         // the highest that a policy had
}

// usedPolicy is a policy that has a chain.
type usedPolicy struct {
	number uint32
	homes  int // with this policy
}

// learn makes there what is known.
func (t *offloadTable) learn(there contents) {
	t.known = mirror{homes: map[netip.Addr]offload{}, policies: map[mobility.OffloadPolicy]*usedPolicy{}, marks: map[uint32]int{}}
	for n, p := range there.numbers {
		t.known.policies[p] = &usedPolicy{number: n}
		t.known.numbers = max(t.known.numbers, n)
	}
	for _, o := range there.homes {
		t.known.add(o)
	}
}

func (m *mirror) add(o offload) {
	m.homes[o.home] = o
	m.marks[o.mark]++
	m.use(o.policy).homes++
}

func (m *mirror) remove(o offload) {
	delete(m.homes, o.home)
	if m.marks[o.mark]--; m.marks[o.mark] == 0 {
		delete(m.marks, o.mark)
	}
	m.policies[o.policy].homes--
}

// use is the policy with its number.
func (m *mirror) use(p mobility.OffloadPolicy) *usedPolicy {
	used, ok := m.policies[p]
	if ok {
		return used
	}
	used = &usedPolicy{}
	if last := len(m.free) - 1; last >= 0 {
		used.number, m.free = m.free[last], m.free[:last]
	} else {
		m.numbers++
		used.number = m.numbers
	}
	m.policies[p] = used
	return used
}

// drop forgets a policy that no home address has.
func (m *mirror) drop(p mobility.OffloadPolicy) {
	m.free = append(m.free, m.policies[p].number)
	delete(m.policies, p)
}

// change adds or removes home addresses; of those to be removed nothing else counts. One that is there with another policy is replaced. When
// somebody else changed the table, it is read again.
func (t *offloadTable) change(some []offload, remove bool) error {
	for attempt := 0; ; attempt++ {
		err := t.transact(some, remove)
		if err == nil {
			return nil
		}
		there, sound, reading := t.read() // what was thought to be known is not
		if reading != nil {
			return reading
		}
		t.learn(there)
		switch {
		case !sound && remove && len(there.homes) == 0:
			return nil // they went with the table
		case !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.EBUSY):
			return explainOffload(err)
		case attempt > 0:
			return errNoFilter
		}
	}
}

// transact is one attempt, whose outcome is known when it succeeds.
func (t *offloadTable) transact(some []offload, remove bool) error {
	var adds, removals []offload
	for _, o := range some {
		old, known := t.known.homes[o.home]
		if known && (remove || old != o) {
			removals = append(removals, old)
		}
		if !remove && !(known && old == o) {
			adds = append(adds, o)
		}
	}
	if len(adds)+len(removals) == 0 {
		return nil
	}
	err := t.elements(removals, t.conn.SetDeleteElements)
	for _, o := range removals {
		t.known.remove(o)
	}
	for _, o := range adds {
		if _, ok := t.known.policies[o.policy]; !ok {
			err = errors.Join(err, t.addPolicy(o.policy))
		}
		t.known.add(o)
	}
	err = errors.Join(err, t.elements(adds, t.conn.SetAddElements))
	for _, o := range removals {
		if used := t.known.policies[o.policy]; used != nil && used.homes == 0 {
			err = errors.Join(err, t.removePolicy(o.policy))
		}
	}
	if err = errors.Join(err, t.conn.Flush()); err != nil {
		return err
	}
	for _, o := range adds {
		t.flows.keep(o.mark)
	}
	for _, o := range removals {
		if t.known.marks[o.mark] == 0 {
			t.flows.forget(o.mark)
		}
	}
	return nil
}

// addPolicy asks for the chain of p before what leads there.
func (t *offloadTable) addPolicy(p mobility.OffloadPolicy) error {
	used := t.known.use(p)
	chain := t.chain(policyChain(used.number))
	t.conn.AddChain(chain)
	t.conn.FlushChain(chain) // should one of the name be left
	for _, r := range policyRules(p) {
		t.addRule(chain, r.comment, r.exprs)
	}
	return t.conn.SetAddElements(t.sets[offloadPolicies], []nftables.SetElement{t.policyElement(used)})
}

// removePolicy asks for the opposite, in the opposite order.
func (t *offloadTable) removePolicy(p mobility.OffloadPolicy) error {
	used := t.known.policies[p]
	err := t.conn.SetDeleteElements(t.sets[offloadPolicies], []nftables.SetElement{t.policyElement(used)})
	t.conn.DelChain(t.chain(policyChain(used.number)))
	t.known.drop(p)
	return err
}

func (t *offloadTable) policyElement(used *usedPolicy) nftables.SetElement {
	return nftables.SetElement{Key: native32(used.number), VerdictData: &expr.Verdict{Kind: expr.VerdictGoto, Chain: policyChain(used.number)}}
}

// elements calls do with what some have in the table.
func (t *offloadTable) elements(some []offload, do func(*nftables.Set, []nftables.SetElement) error) error {
	if len(some) == 0 {
		return nil
	}
	var homes, numbers, flows []nftables.SetElement
	for _, o := range some {
		homes = append(homes, nftables.SetElement{Key: o.home.AsSlice(), Val: native32(o.mark)})
		numbers = append(numbers, nftables.SetElement{Key: o.home.AsSlice(), Val: native32(t.known.use(o.policy).number)})
		flows = append(flows, nftables.SetElement{Key: append(o.home.AsSlice(), native32(o.mark)...)})
	}
	return errors.Join(do(t.sets[offloadFlows], flows), do(t.sets[offloadNumbers], numbers), do(t.sets[offloadHomes], homes))
}
