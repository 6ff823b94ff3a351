package testbed

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/transport"
	"netlmm/mobility/engine"
)

// radio is what an access point of this testbed lacks: hostapd is real, but there is a wire where a radio would be, so that
// nothing tells that a station's signal fades. It is an MIH Function beside the MAG's, on the same host, that says so over 802.21.
type radio struct {
	core   *mihf.MIHF
	engine *engine.Engine[mihf.Event, mihf.Action]
	conn   *transport.Conn
	stop   context.CancelFunc
	done   sync.WaitGroup
	poa    mih.LinkAddress
	link   string
}

// radioPort is where the radio's MIH Function listens, on loopback: the MAG's own has the standard port.
const radioPort = 4552

// pointOfAttachment is how the network map calls the cell of a MAG. The access links themselves all have one address (RFC 6543).
func pointOfAttachment(mag string) mih.LinkAddress {
	return mih.MACAddress([6]byte{0x02, 0x00, 0x5e, 0x00, 0x02, mag[len(mag)-1] - '0'})
}

func radioIdentity(mag string) mih.MIHFID { return mih.MIHFID("radio." + mag + ".example.net") }

// handoverValues are what the configuration of a MAG says of handovers to the other one; nil: there are none.
func (d *Domain) handoverValues(node string) any {
	if d.Options.Handover == "" {
		return nil
	}
	type gateway struct {
		Node              string
		Address           netip.Addr
		PointOfAttachment mih.LinkAddress
	}
	neighbour := other(node)
	return map[string]any{
		"Node": node, "Mode": d.Options.Handover, "PointOfAttachment": pointOfAttachment(node), "Radio": radioIdentity(node), "RadioPort": radioPort,
		"Others": []gateway{{neighbour, ikePeerOf(neighbour).Address, pointOfAttachment(neighbour)}},
	}
}

// startRadios gives each MAG its radio, where handovers are handed over.
func (d *Domain) startRadios() error {
	if d.Options.Handover == "" || d.radios != nil {
		return nil
	}
	d.radios = map[string]*radio{}
	for _, mag := range []string{NodeMAG1, NodeMAG2} {
		r, err := d.startRadio(mag)
		if err != nil {
			return fmt.Errorf("radio of %s: %w", mag, err)
		}
		d.radios[mag] = r
	}
	return nil
}

func (d *Domain) startRadio(mag string) (*radio, error) {
	r := &radio{poa: pointOfAttachment(mag), link: accessInterface}
	err := d.in(mag, func() (err error) {
		r.conn, err = transport.Open(transport.Config{Addresses: []netip.Addr{netip.IPv6Loopback()}, Port: radioPort})
		return err
	})
	if err != nil {
		return nil, err
	}
	r.core = mihf.New(mihf.Config{
		MIHFID: radioIdentity(mag), Incarnation: uint32(time.Now().UnixNano()), First: uint16(1 + time.Now().UnixNano()%4000),
		Peers: []mihf.Peer{{MIHFID: mih.MIHFID(mag + ".example.net"), Endpoint: mihf.Endpoint{Address: netip.AddrPortFrom(netip.IPv6Loopback(), transport.Port)}}},
	})
	r.engine = engine.New[mihf.Event, mihf.Action](r.core, 256, r.execute)
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.done.Go(func() { _ = r.engine.Run(ctx) })
	r.done.Go(func() { _ = r.conn.Run(ctx, r.receive) })
	return r, nil
}

func (r *radio) execute(action mihf.Action) {
	if a, ok := action.(mihf.SendMessage); ok {
		_ = r.conn.Send(transport.Destination{Addr: a.To.Address}, a.Payload) // what does not leave is sent again
	}
}

func (r *radio) receive(packets []transport.Packet) {
	for i := range packets {
		event := mihf.MessageReceived{From: mihf.Endpoint{Address: packets[i].From}, Payload: packets[i].Payload}
		_ = r.engine.HandleBatch([]mihf.Event{event})
	}
}

// says reports an event of a station's link. The radio knows of a link only when it reports it, so that it says first that it is up.
func (r *radio) says(mn *MobileNode, event func(mih.LinkTupleID) mih.LinkEvent) {
	tuple := mih.LinkTupleID{
		Link:              mih.LinkID{Type: mih.LinkTypeEthernet, Address: mih.MACAddress([6]byte(mn.MAC))},
		PointOfAttachment: r.poa,
	}
	r.engine.Post(mihf.SAPIndication{Indication: mih.Indication{SAP: "radio", Interface: r.link, ReceivedAt: time.Now(), Event: event(tuple)}})
}

// GoingDown has the radio of a mobile node's access point report that its link will be lost in so long.
func (d *Domain) GoingDown(mn *MobileNode, within time.Duration) error {
	r := d.radios[mn.at]
	if r == nil {
		return fmt.Errorf("%s has no radio: the domain predicts no handovers", mn.at)
	}
	r.says(mn, func(tuple mih.LinkTupleID) mih.LinkEvent {
		return mih.LinkGoingDown{Link: tuple, TimeInterval: within, Reason: mih.GoingDownParameterDegrading}
	})
	return nil
}

func (r *radio) close() {
	r.stop()
	_ = r.conn.Close()
	r.done.Wait()
}

// subscribed says whether the MAG's MIH Function gets the radio's events. It is called in the engine's goroutine.
func (r *radio) subscribed() bool { return len(r.core.SubscriptionTable()) > 0 }
