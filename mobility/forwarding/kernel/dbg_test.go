package kernel

import (
	"os"
	"testing"
	"time"
)

func TestDbg(t *testing.T) {
	d := newDomain(t)
	d.start()
	d.attach(d.mn1, hnp1, mn1Addr, "acc1", d.mag1)
	os.WriteFile("/tmp/fwk-prefix", []byte(d.prefix), 0o644)
	for i := 0; i < 500; i++ {
		if _, err := os.Stat("/tmp/fwk-stop"); err == nil {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
}
