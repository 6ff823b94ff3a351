package mihnode

import (
	"sync"

	"netlmm/mih"
	"netlmm/mih/wire"
)

// abilities are what peers say that they can do, for who decides whom to ask.
type abilities struct {
	mu sync.Mutex
	of map[mih.MIHFID]*ability
}

type ability struct {
	commands mih.CommandList
	gone     bool // it does not answer
}

func (a *abilities) learn(id mih.MIHFID, c wire.Capabilities) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.of == nil {
		a.of = map[mih.MIHFID]*ability{}
	}
	one := &ability{}
	if c.Commands != nil {
		one.commands = *c.Commands
	}
	a.of[id] = one
}

// reached notes whether a peer answers.
func (a *abilities) reached(id mih.MIHFID, yes bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if one := a.of[id]; one != nil {
		one.gone = !yes
	}
}

func (a *abilities) forget(id mih.MIHFID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.of, id)
}

// Takes says whether a peer takes commands, by its own word, and is reached as far as is known.
func (n *Node) Takes(id mih.MIHFID, commands mih.CommandList) bool {
	n.abilities.mu.Lock()
	defer n.abilities.mu.Unlock()
	one := n.abilities.of[id]
	return one != nil && !one.gone && one.commands&commands == commands
}
