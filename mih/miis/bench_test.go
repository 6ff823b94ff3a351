package miis

import (
	"fmt"
	"testing"
	"time"

	"netlmm/mih"
	"netlmm/mih/wire"
)

const many = 10000

// large is a map of many points of attachment in ten networks, each with four neighbours.
func large(b *testing.B) *Map {
	b.Helper()
	var points []PointOfAttachment
	for n := range many {
		p := wifi(n, fmt.Sprintf("net%d", n%10), mag1, (n+10)%many, (n+20)%many, (n+30)%many, (n+40)%many)
		p.Channel = 36
		points = append(points, p)
	}
	return mapOf(b, Limits{Learnt: many, PerSource: many}, points...)
}

func BenchmarkPointOfAttachment(b *testing.B) {
	m := large(b)
	for i := 0; b.Loop(); i++ {
		if e, ok := m.PointOfAttachment(ap(i * 7919 % many)); !ok || e.Gateway.MIHF != mag1.MIHF {
			b.Fatal("not found")
		}
	}
}

func BenchmarkCandidates(b *testing.B) {
	m := large(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if len(some(m.Candidates(ap(i*7919%many)), 8)) != 8 {
			b.Fatal("not found")
		}
	}
}

// BenchmarkLearnEvent is the cost of a Link_Up of a point of attachment that is known.
func BenchmarkLearnEvent(b *testing.B) {
	m := large(b)
	m.Serves(mag1.MIHF, mag1)
	event := mih.LinkEvent(up(1))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%16 == 0 {
			event = up(i * 7919 % many)
		}
		m.LearnEvent(start.Add(time.Duration(i)), mag1.MIHF, event)
	}
}

func BenchmarkAnswer(b *testing.B) {
	s := NewService(large(b), Config{})
	for name, request := range map[string]wire.GetInformationRequest{
		"point": QueryPointOfAttachment(ap(5)), "candidates": QueryCandidates(ap(5), 8), "page": QueryMap(1), "last_page": QueryMap(many - 100),
		"worst": {BinaryQueries: []mih.BinaryQuery{
			7: {}, 0: farAway, 1: farAway, 2: farAway, 3: farAway, 4: farAway, 5: farAway, 6: farAway,
		}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s.Answer(request).Status != mih.StatusSuccess {
					b.Fatal("no answer")
				}
			}
		})
	}
}

// farAway is a query that goes through the whole map.
var farAway = mih.BinaryQuery{Template: []mih.ElementType{mih.ElementPoALocation}, Limit: &mih.ReportLimit{Start: 65535}}
