package kernel

import (
	"testing"
)

func TestTunnelCarriesBothWaysAndFollowsHandover(t *testing.T) {
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	d.attach(d.mn2, hnp2, mn2Addr, "acc2", d.mag2)
	t.Log(d.lma.sh("ip -6 rule; ip -6 route show table all proto 213"))
	t.Log(d.mag1.sh("ip -6 rule; ip -6 route show table all proto 213"))
	d.mn1.reaches(cnAddr)
	d.cn.reaches(mn1Addr)
	d.mn1.reaches(mn2Addr)
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag2)
	d.detach(hnp1, d.mag1)
	d.cn.reaches(mn1Addr)
	d.mn1.reaches(cnAddr)
	d.mn2.reaches(mn1Addr)
}
