package main

import (
	"context"
	"strings"
	"time"

	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/miis"
)

// journalised are the events that mihd writes to its log, and is a user of its own MIH Function for.
var journalised = mih.Events(mih.EventLinkUp, mih.EventLinkDown, mih.EventLinkGoingDown)

func (f *function) subscribe(ctx context.Context) error {
	f.node.Send(mihf.EventSubscribe{User: mihf.User{MIHF: f.cfg.MIH.MIHFID, Name: "journal"}, Events: journalised})
	<-ctx.Done()
	return nil
}

// took takes what the MIH Function has for the users here.
func (f *function) took(action mihf.Action) {
	switch a := action.(type) {
	case mihf.Deliver:
		f.linkChanged(a.Indication)
		if f.information != nil {
			f.information.Map(func(m *miis.Map) { m.LearnEvent(time.Now(), a.Indication.Source, a.Indication.Event) })
		}
	case mihf.PeerSubscribed:
		f.subscriberChanged(a)
	case mihf.EventSubscribeConfirm:
		if a.Status != mih.StatusSuccess {
			f.log.Error("the MIH Function refused the subscription of the log", "status", a.Status)
		}
	}
}

func (f *function) linkChanged(ind mih.Indication) {
	tuple := ind.Event.LinkTuple()
	attributes := []any{"station", tuple.Link.Address, "interface", ind.Interface, "point_of_attachment", tuple.PointOfAttachment, "sap", ind.SAP}
	if ind.Identity != "" {
		attributes = append(attributes, "identity", ind.Identity)
	}
	switch ev := ind.Event.(type) {
	case mih.LinkUp:
		f.limited.Info("link up", append(attributes, "resync", ind.Resync)...)
	case mih.LinkDown:
		f.limited.Info("link down", append(attributes, "reason", ev.Reason)...)
	case mih.LinkGoingDown:
		f.limited.Info("link going down", append(attributes, "reason", ev.Reason, "within", ev.TimeInterval)...)
	}
}

func (f *function) subscriberChanged(s mihf.PeerSubscribed) {
	link := "all"
	if !s.Link.Link.Address.IsZero() {
		link = s.Link.Link.Address.String()
	}
	if s.Events == 0 {
		f.log.Info("a subscription of an MIH peer ended", "mihf_id", s.MIHFID, "link", link)
		return
	}
	f.log.Info("an MIH peer is subscribed", "mihf_id", s.MIHFID, "link", link, "events", strings.Join(s.Events.Names(), ","))
}
