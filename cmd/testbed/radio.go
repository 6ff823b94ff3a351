package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	apadapters "netlmm/ap-adapters"
	"netlmm/cmd/internal/daemon"
	"netlmm/cmd/internal/mihnode"
	"netlmm/configs"
	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/testbed"
)

// radio is what an access point of the testbed lacks: hostapd is real, but there is a wire where a radio would be, so that
// nothing tells that a station's signal fades. It is an MIH Function beside the MAG's, on the same host, that says so over 802.21.
type radio struct {
	poa  mih.LinkAddress
	emit chan mih.Indication
	node *mihnode.Node
}

// radioCommand is run by the testbed itself, in the network namespace of a MAG.
func radioCommand() *cobra.Command {
	var id, peer, poa, socket string
	cmd := &cobra.Command{
		Use: "radio", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := &radio{emit: make(chan mih.Indication, 64)}
			if err := r.poa.UnmarshalText([]byte(poa)); err != nil {
				return err
			}
			return r.run(cmd.Context(), mih.MIHFID(id), mih.MIHFID(peer), socket)
		},
	}
	cmd.Flags().StringVar(&id, "mihf-id", "", "who it is")
	cmd.Flags().StringVar(&peer, "peer", "", "the MAG's MIH Function")
	cmd.Flags().StringVar(&poa, "point-of-attachment", "", "of the stations")
	cmd.Flags().StringVar(&socket, "socket", "", "where it is told what to say")
	return cmd
}

func (r *radio) run(ctx context.Context, id, peer mih.MIHFID, socket string) (err error) {
	loopback := netip.IPv6Loopback()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	r.node, err = mihnode.Open(mihnode.Config{
		MIH: configs.MIH{
			MIHFID: id, Listen: []netip.Addr{loopback}, Port: testbed.RadioPort,
			Peers: []configs.MIHPeer{{Name: "mag", MIHFID: peer, Address: netip.AddrPortFrom(loopback, 4551)}},
		},
		Log: log, Counters: daemon.NewCounters(prometheus.NewRegistry(), mihnode.Help), User: func(mihf.Action) {},
	})
	if err != nil {
		return err
	}
	defer r.node.Close()
	r.node.Add(r)
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	defer listener.Close()
	context.AfterFunc(ctx, func() { listener.Close() })
	return daemon.Run(ctx, log, append(r.node.Tasks(), daemon.Task{Name: "orders", Run: func(ctx context.Context) error { return r.serve(ctx, listener) }}))
}

// Name, Run and Status make it an adapter.
func (r *radio) Name() string              { return "radio" }
func (r *radio) Status() apadapters.Status { return apadapters.Status{Name: "radio"} }
func (r *radio) Run(ctx context.Context, emit func(mih.Indication) bool) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case ind := <-r.emit:
			emit(ind)
		}
	}
}

// serve takes orders, one a connection and line.
func (r *radio) serve(ctx context.Context, listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		answer, err := r.order(ctx, strings.Fields(line))
		if err != nil {
			answer = "FAIL " + err.Error()
		}
		fmt.Fprintln(conn, answer)
		conn.Close()
	}
}

func (r *radio) order(ctx context.Context, words []string) (string, error) {
	switch {
	case len(words) == 1 && words[0] == "SUBSCRIBERS":
		n := 0
		err := r.node.Do(ctx, func(m *mihf.MIHF) { n = len(m.SubscriptionTable()) })
		return fmt.Sprint(n), err
	case len(words) == 3 && words[0] == "GOING-DOWN":
		within, err := time.ParseDuration(words[2])
		if err != nil {
			return "", err
		}
		tuple := mih.LinkTupleID{Link: mih.LinkID{Type: mih.LinkTypeEthernet}, PointOfAttachment: r.poa}
		if err := tuple.Link.Address.UnmarshalText([]byte(words[1])); err != nil {
			return "", err
		}
		r.emit <- mih.Indication{SAP: "radio", Interface: "radio", ReceivedAt: time.Now(), Event: mih.LinkGoingDown{
			Link: tuple, TimeInterval: within, Reason: mih.GoingDownParameterDegrading,
		}}
		return "OK", nil
	}
	return "", fmt.Errorf("order %q: SUBSCRIBERS, or GOING-DOWN STATION TIME", strings.Join(words, " "))
}
