package kernel

import (
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// masquerade adds the one rule that the library cannot write: it leaves out the flag without which the ports do not count.
func (t *offloadTable) masquerade(comment string) error {
	number := func(kind uint16, x uint32) netlink.Attribute {
		return netlink.Attribute{Type: kind, Data: binaryutil.BigEndian.PutUint32(x)}
	}
	masq, err := netlink.MarshalAttributes([]netlink.Attribute{number(unix.NFTA_MASQ_FLAGS, unix.NF_NAT_RANGE_PROTO_SPECIFIED),
		number(unix.NFTA_MASQ_REG_PROTO_MIN, register), number(unix.NFTA_MASQ_REG_PROTO_MAX, register+1)})
	if err != nil {
		return err
	}
	if masq, err = netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_EXPR_NAME, Data: []byte("masq\x00")}, {Type: unix.NFTA_EXPR_DATA | unix.NLA_F_NESTED, Data: masq}}); err != nil {
		return err
	}
	var list []netlink.Attribute
	for i, port := range []uint16{firstPort, lastPort} {
		e, err := expr.Marshal(byte(t.table.Family), &expr.Immediate{Register: register + uint32(i), Data: binaryutil.BigEndian.PutUint16(port)})
		if err != nil {
			return err
		}
		list = append(list, netlink.Attribute{Type: unix.NFTA_LIST_ELEM | unix.NLA_F_NESTED, Data: e})
	}
	exprs, err := netlink.MarshalAttributes(append(list, netlink.Attribute{Type: unix.NFTA_LIST_ELEM | unix.NLA_F_NESTED, Data: masq}))
	if err != nil {
		return err
	}
	rule, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_RULE_TABLE, Data: []byte(t.table.Name + "\x00")}, {Type: unix.NFTA_RULE_CHAIN, Data: []byte(chainMasquerade + "\x00")},
		{Type: unix.NFTA_RULE_EXPRESSIONS | unix.NLA_F_NESTED, Data: exprs},
		{Type: unix.NFTA_RULE_USERDATA, Data: userdata.AppendString(nil, userdata.TypeComment, comment)}})
	if err != nil {
		return err
	}
	return t.transaction(netlink.Message{Data: append([]byte{byte(t.table.Family), unix.NFNETLINK_V0, 0, 0}, rule...), Header: netlink.Header{
		Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWRULE, Flags: netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Append}})
}

// transaction is one of a single message, over the socket of the library.
func (t *offloadTable) transaction(m netlink.Message) error {
	edge := func(kind netlink.HeaderType) netlink.Message {
		return netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request}, Data: []byte{unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES}}
	}
	_, err := t.socket.SendMessages([]netlink.Message{edge(unix.NFNL_MSG_BATCH_BEGIN), m, edge(unix.NFNL_MSG_BATCH_END)})
	if err == nil {
		_, err = t.socket.Receive()
	}
	return err
}
