package nl80211

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// station is what the kernel tells of one.
type station struct {
	index      int // of the interface that it is at
	mac        [6]byte
	gone       bool // NL80211_CMD_DEL_STATION
	authorized bool // may send data
	age        time.Duration
}

// view is a radio with its stations.
type view struct {
	missing  bool // there is no such interface
	index    int
	address  [6]byte
	stations []station
}

// kernel is what the adapter needs of it.
type kernel interface {
	// hear gives on what is announced of stations, until something was lost or close is called.
	hear(func(station)) error
	look(radio string) (view, error)
	station(index int, mac [6]byte) (s station, known bool, err error)
	close()
}

// conn is a generic netlink socket.
type conn interface {
	Execute(m genetlink.Message, family uint16, flags netlink.HeaderFlags) ([]genetlink.Message, error)
	Receive() ([]genetlink.Message, []netlink.Message, error)
	Close() error
}

// mlme is the multicast group of announcements (nl80211.c, NL80211_MCGRP_MLME).
const mlme = "mlme"

const receiveBuffer = 1 << 20

// netlinkKernel speaks nl80211: one socket hears, the other one asks.
type netlinkKernel struct {
	events, commands conn
	family           uint16
	device           func(name string) (*net.Interface, error)
}

func openKernel() (kernel, error) {
	events, err := genetlink.Dial(nil)
	if err != nil {
		return nil, fmt.Errorf("open generic netlink: %w", err)
	}
	family, err := join(events)
	if err != nil {
		return nil, errors.Join(err, events.Close())
	}
	commands, err := genetlink.Dial(nil)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open generic netlink: %w", err), events.Close())
	}
	return &netlinkKernel{events, commands, family, net.InterfaceByName}, nil
}

// join finds nl80211 and its announcements.
func join(events *genetlink.Conn) (family uint16, err error) {
	f, err := events.GetFamily(unix.NL80211_GENL_NAME)
	if errors.Is(err, os.ErrNotExist) {
		return 0, errors.New("this kernel has no nl80211: load cfg80211 and the driver of the radio, or take another adapter")
	}
	if err != nil {
		return 0, fmt.Errorf("look for nl80211: %w", err)
	}
	_ = events.SetReadBuffer(receiveBuffer) // else there is room for fewer
	for _, group := range f.Groups {
		if group.Name == mlme {
			return f.ID, events.JoinGroup(group.ID)
		}
	}
	return 0, fmt.Errorf("nl80211 of this kernel has no multicast group %q", mlme)
}

func (k *netlinkKernel) close() { _ = errors.Join(k.events.Close(), k.commands.Close()) } // nothing is kept

func (k *netlinkKernel) hear(tell func(station)) error {
	for {
		messages, _, err := k.events.Receive()
		if err != nil {
			return err
		}
		for _, m := range messages {
			if m.Header.Command != unix.NL80211_CMD_NEW_STATION && m.Header.Command != unix.NL80211_CMD_DEL_STATION {
				continue
			}
			s, err := decode(m.Data)
			if err != nil {
				s = station{} // which is counted as ignored
			}
			s.gone = m.Header.Command == unix.NL80211_CMD_DEL_STATION
			tell(s)
		}
	}
}

func (k *netlinkKernel) look(radio string) (v view, err error) {
	device, err := k.device(radio)
	if err != nil {
		return view{missing: true}, fmt.Errorf("radio %s: %w", radio, err)
	}
	v.index = device.Index
	if len(device.HardwareAddr) == 6 {
		v.address = [6]byte(device.HardwareAddr)
	}
	messages, err := k.ask(v.index, nil, netlink.Dump)
	if err != nil {
		return v, fmt.Errorf("list the stations of %s: %w", radio, err)
	}
	for _, m := range messages {
		s, err := decode(m.Data)
		if err != nil {
			return v, fmt.Errorf("list the stations of %s: %w", radio, err)
		}
		v.stations = append(v.stations, s)
	}
	return v, nil
}

func (k *netlinkKernel) station(index int, mac [6]byte) (s station, known bool, err error) {
	messages, err := k.ask(index, mac[:], 0)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return s, false, nil
	case err != nil:
		return s, false, err
	case len(messages) != 1:
		return s, false, fmt.Errorf("%d answers about station %s", len(messages), net.HardwareAddr(mac[:]))
	}
	s, err = decode(messages[0].Data)
	return s, err == nil && s.mac == mac, err
}

// ask is NL80211_CMD_GET_STATION, of one or of all.
func (k *netlinkKernel) ask(index int, mac []byte, flags netlink.HeaderFlags) ([]genetlink.Message, error) {
	attributes := netlink.NewAttributeEncoder()
	attributes.Uint32(unix.NL80211_ATTR_IFINDEX, uint32(index))
	if mac != nil {
		attributes.Bytes(unix.NL80211_ATTR_MAC, mac)
	}
	data, err := attributes.Encode()
	if err != nil {
		return nil, err
	}
	return k.commands.Execute(genetlink.Message{Header: genetlink.Header{Command: unix.NL80211_CMD_GET_STATION}, Data: data}, k.family, netlink.Request|flags)
}

// decode reads the attributes of a station.
func decode(data []byte) (s station, err error) {
	attributes, err := netlink.NewAttributeDecoder(data)
	if err != nil {
		return s, err
	}
	for attributes.Next() {
		switch attributes.Type() {
		case unix.NL80211_ATTR_IFINDEX:
			s.index = int(attributes.Uint32())
		case unix.NL80211_ATTR_MAC:
			if mac := attributes.Bytes(); len(mac) == 6 {
				s.mac = [6]byte(mac)
			}
		case unix.NL80211_ATTR_STA_INFO:
			attributes.Nested(s.decodeInfo)
		}
	}
	return s, attributes.Err()
}

func (s *station) decodeInfo(info *netlink.AttributeDecoder) error {
	for info.Next() {
		switch info.Type() {
		case unix.NL80211_STA_INFO_CONNECTED_TIME:
			s.age = time.Duration(info.Uint32()) * time.Second
		case unix.NL80211_STA_INFO_STA_FLAGS: // struct nl80211_sta_flag_update: which are known, and which are set
			if flags := info.Bytes(); len(flags) >= 8 {
				both := binary.NativeEndian.Uint32(flags) & binary.NativeEndian.Uint32(flags[4:])
				s.authorized = both&(1<<unix.NL80211_STA_FLAG_AUTHORIZED) != 0
			}
		}
	}
	return info.Err()
}
