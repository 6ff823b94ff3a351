package testbed

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// loseTable is the nftables table with which the LMA's namespace loses Mobility Headers before its daemon sees them.
const loseTable = "netlmm_testbed_lose"

var counted = regexp.MustCompile(`counter packets (\d+)`)

// Loss is a rule that loses Mobility Headers on their way in, IPsec taken off: their sender learns nothing of it.
type Loss struct{ domain *Domain }

// LoseUpdates makes the LMA lose every Mobility Header of a MAG until Stop.
func (d *Domain) LoseUpdates(mag string) (*Loss, error) {
	source, err := d.coreAddress(mag)
	if err != nil {
		return nil, err
	}
	l := &Loss{d}
	// in front of the filter of the daemon's own, which counts what it sees
	for _, command := range []string{
		"add table ip6 " + loseTable,
		"add chain ip6 " + loseTable + " in { type filter hook input priority -10; }",
		fmt.Sprintf("add rule ip6 %s in ip6 saddr %v meta l4proto 135 counter drop", loseTable, source),
	} {
		if _, err := d.nft(command); err != nil {
			return nil, errors.Join(err, l.Stop())
		}
	}
	return l, nil
}

// nft runs a command of nftables at the LMA.
func (d *Domain) nft(command string) (string, error) {
	binary, err := program("nft", "nftables")
	if err != nil {
		return "", err
	}
	return d.execute(NodeLMA, nil, binary, command)
}

// Lost is how many were lost so far.
func (l *Loss) Lost() (int, error) {
	out, err := l.domain.nft("list chain ip6 " + loseTable + " in")
	if err != nil {
		return 0, err
	}
	found := counted.FindStringSubmatch(out)
	if found == nil {
		return 0, fmt.Errorf("nft shows no counter:\n%s", out)
	}
	return strconv.Atoi(found[1])
}

// Stop lets Mobility Headers pass again.
func (l *Loss) Stop() error {
	_, err := l.domain.nft("delete table ip6 " + loseTable)
	return err
}
