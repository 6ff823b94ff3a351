package mihnode

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	apadapters "netlmm/ap-adapters"
	"netlmm/mih"
)

var pointOfAttachment = mih.MACAddress([6]byte{2, 0, 0, 0, 0xa0, 1})

func station(i int) mih.LinkID {
	return mih.LinkID{Type: mih.LinkType80211, Address: mih.MACAddress([6]byte{2, 0, 0, 1, byte(i >> 8), byte(i)})}
}

// accessPoint is an adapter whose stations come and go by the word of a test.
type accessPoint struct {
	says     chan mih.Indication
	complete atomic.Bool
}

// newAccessPoint has some stations already.
func newAccessPoint(stations ...int) *accessPoint {
	a := &accessPoint{says: make(chan mih.Indication, 10000)}
	for _, i := range stations {
		ind := came(i)
		ind.Resync = true
		a.says <- ind
	}
	a.says <- mih.Indication{} // that was all
	return a
}

func (a *accessPoint) Name() string { return "fake" }

func (a *accessPoint) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case ind := <-a.says:
			if ind.Event == nil {
				a.complete.Store(true)
				continue
			}
			emit(ind)
		}
	}
}

func (a *accessPoint) Status() apadapters.Status {
	return apadapters.Status{Name: a.Name(), Peers: []apadapters.Peer{
		{Name: "wlan0", Connected: true, Complete: a.complete.Load(), LinkType: mih.LinkType80211, PointOfAttachment: pointOfAttachment},
		{Name: "wlan1", Detail: "switched off", Complete: true},
	}}
}

func (a *accessPoint) up(i int) { a.says <- came(i) }

func came(i int) mih.Indication {
	tuple := mih.LinkTupleID{Link: station(i), PointOfAttachment: pointOfAttachment}
	return mih.Indication{SAP: "fake", Interface: "wlan0", Identity: fmt.Sprintf("mn%d@example.net", i), Event: mih.LinkUp{Link: tuple}}
}

func (a *accessPoint) down(i int) {
	tuple := mih.LinkTupleID{Link: station(i), PointOfAttachment: pointOfAttachment}
	a.says <- mih.Indication{SAP: a.Name(), Interface: "wlan0", Event: mih.LinkDown{Link: tuple}}
}

// commanded is an accessPoint that takes commands: of the stations 1 to 500.
type commanded struct {
	*accessPoint
	mu    sync.Mutex
	acted []mih.LinkActionRequest
	block chan struct{} // nil: answers at once

	steers  bool // it can
	steered []steered
}

type steered struct {
	station mih.LinkID
	targets []apadapters.Target
	within  time.Duration
}

var _ apadapters.Commander = (*commanded)(nil)

func (c *commanded) Has(link mih.LinkID) bool {
	for i := 1; i <= 500; i++ {
		if station(i) == link {
			return true
		}
	}
	return false
}

func (c *commanded) Parameters(ctx context.Context, link mih.LinkID, want mih.LinkStatusRequest) (s mih.LinkStatus, err error) {
	if c.block != nil {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-c.block:
		}
	}
	channel := uint16(6)
	s.States = []mih.LinkState{{Mode: mih.ModePowerSave}, {Channel: &channel}}
	for _, p := range want.Parameters {
		switch p {
		case mih.Parameter80211RSSI:
			s.Parameters = append(s.Parameters, mih.LinkParameter{Type: p, Value: -60})
		case mih.ParameterQoSClasses:
			s.Parameters = append(s.Parameters, mih.LinkParameter{Type: p, QoS: &mih.QoSValue{Kind: mih.QoSClasses, Classes: 4}})
		}
	}
	return s, nil
}

func (c *commanded) ConfigureThresholds(_ context.Context, _ mih.LinkTupleID, want []mih.LinkParameterConfiguration) (list []mih.LinkParameterConfigured, err error) {
	for _, w := range want {
		for _, t := range w.Thresholds {
			list = append(list, mih.LinkParameterConfigured{Type: w.Type, Threshold: t, Success: true})
		}
	}
	return list, nil
}

func (c *commanded) Act(_ context.Context, action mih.LinkActionRequest) mih.LinkActionResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acted = append(c.acted, action)
	return mih.LinkActionResult{Link: action.Link, Outcome: mih.ActionSucceeded}
}

func (c *commanded) Steer(_ context.Context, station mih.LinkID, targets []apadapters.Target, within time.Duration) error {
	if !c.steers {
		return apadapters.ErrIncapable
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steered = append(c.steered, steered{station, targets, within})
	return nil
}
