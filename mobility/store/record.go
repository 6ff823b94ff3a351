package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"

	"netlmm/mobility"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is one binding in the file: a CRC-32C over JSON. The identifier is kept raw as well, because its printed form is
// for people and does not tell an NAI that looks like a MAC address from one.
type record struct {
	Subtype    mobility.MobileNodeIDSubtype `json:"subtype"`
	Identifier []byte                       `json:"identifier"`
	Entry      mobility.BindingCacheEntry   `json:"entry"`
}

// keyOf is the lowest home network prefix, or false for an entry that has none.
func keyOf(entry mobility.BindingCacheEntry) (netip.Prefix, bool) {
	if len(entry.HomeNetworkPrefixes) == 0 {
		return netip.Prefix{}, false
	}
	return slices.MinFunc(entry.HomeNetworkPrefixes, netip.Prefix.Compare), true
}

func encode(entry mobility.BindingCacheEntry) ([]byte, error) {
	text, err := json.Marshal(record{entry.MobileNodeID.Subtype, []byte(entry.MobileNodeID.Value), entry})
	if err != nil {
		return nil, err
	}
	value := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(text)), crc32.Checksum(text, castagnoli))
	return append(value, text...), nil
}

func decode(key, value []byte) (mobility.BindingCacheEntry, error) {
	if len(value) < 4 || binary.BigEndian.Uint32(value) != crc32.Checksum(value[4:], castagnoli) {
		return mobility.BindingCacheEntry{}, errors.New("checksum does not match")
	}
	var r record
	if err := json.Unmarshal(value[4:], &r); err != nil {
		return mobility.BindingCacheEntry{}, err
	}
	r.Entry.MobileNodeID = mobility.MobileNodeID{Subtype: r.Subtype, Value: string(r.Identifier)}
	if prefix, ok := keyOf(r.Entry); !ok || prefix.String() != string(key) {
		return mobility.BindingCacheEntry{}, fmt.Errorf("stands under the wrong prefix %q", key)
	}
	return r.Entry, nil
}
