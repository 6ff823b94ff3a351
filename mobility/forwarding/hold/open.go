package hold

import "errors"

// Open makes ready to hold packets in the network namespace of the calling thread. It replaces what an earlier run left. Nothing is held
// yet.
func Open(cfg Config) (*Holder, error) {
	h := newHolder(cfg)
	sender, err := newSender()
	if err != nil {
		return nil, err
	}
	queue, err := newQueue(h.received)
	if err != nil {
		return nil, errors.Join(err, sender.close())
	}
	table, err := newTable(newRules(cfg, queue.number))
	if err != nil {
		return nil, errors.Join(err, queue.close(), sender.close())
	}
	h.gate, h.line, h.out = table, queue, sender
	h.tasks.Add(1)
	go h.run()
	return h, nil
}
