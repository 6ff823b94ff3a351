package testbed

import "testing"

// TestARestartedMAGLeavesAloneWhoMovedOn: the access point that a station left goes on listing it, for minutes. A magd that is
// killed and started again reads that list, and must not take the station's binding away from the MAG where it is now.
func TestARestartedMAGLeavesAloneWhoMovedOn(t *testing.T) {
	t.Parallel()
	a := arrive(t, "moved")
	moved, stays := a.MobileNodes[0], a.MobileNodes[1]
	from, to := moved.At(), other(moved.At())
	if _, err := moved.Move(to); err != nil {
		t.Fatal(err)
	}
	a.waitGateway(moved, a.ikePeerOf(to).Address)
	a.waitGateway(stays, a.ikePeerOf(from).Address)
	before := a.gateways()
	if err := a.Kill9(from, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	if err := a.Restart(from, ProgramMAGD); err != nil {
		t.Fatal(err)
	}
	const asked = "netlmm_access_link_total{probes}"
	err := poll(patience, "magd of "+from+" has asked for both stations several times", func() (bool, error) {
		status, err := a.Status(from)
		return err == nil && status.Counters[asked] >= 5, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.trafficFlows("the restart of the magd that was left")
	if after := a.gateways(); after != before {
		t.Errorf("the restart moved bindings:\n%swant\n%s", after, before)
	}
}
