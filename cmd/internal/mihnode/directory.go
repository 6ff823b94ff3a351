package mihnode

import (
	"slices"
	"sync"

	"netlmm/configs"
	"netlmm/mih"
)

// directory is what the configured peers have said of themselves, in their order.
type directory struct {
	mu   sync.Mutex
	ids  []mih.MIHFID // "" of one that has yet to say it
	said []bool       // it has answered
}

func newDirectory(peers []configs.MIHPeer) *directory {
	d := &directory{said: make([]bool, len(peers))}
	for _, p := range peers {
		d.ids = append(d.ids, p.MIHFID)
	}
	return d
}

// unanswered are the peers that have not answered yet.
func (d *directory) unanswered() (list []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, said := range d.said {
		if !said {
			list = append(list, i)
		}
	}
	return list
}

// forgetAnswers makes all of them unanswered.
func (d *directory) forgetAnswers() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.said)
}

// id is the identifier of a peer.
func (d *directory) id(i int) mih.MIHFID {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ids[i]
}

// answer is what follows from an answer.
type answer int

const (
	known answer = iota // the peer has this identifier
	named               // and had none before
	taken               // another has it, or this end: nobody becomes another by saying so
)

func (d *directory) answered(i int, id, own mih.MIHFID) answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ids[i] == id:
		d.said[i] = true
		return known
	case d.ids[i] != "", id == own, slices.Contains(d.ids, id):
		return taken
	}
	d.ids[i], d.said[i] = id, true
	return named
}
