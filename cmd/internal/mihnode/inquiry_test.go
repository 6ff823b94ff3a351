package mihnode

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"netlmm/mih"
)

// asking is inquiries with what became of those who wait.
type asking struct {
	inquiries
	t    *testing.T
	done atomic.Int32
}

func newAsking(t *testing.T) *asking {
	a := &asking{inquiries: newInquiries(), t: t}
	a.serve([]mih.MIHFID{"a", "b", "c", "d"})
	return a
}

// ask returns the numbers of the requests.
func (a *asking) ask(about byte, want string) (numbers []uint64) {
	a.t.Helper()
	requests, why := a.begin(Question{About: poa(about)}, time.Second, func() { a.done.Add(1) })
	if why != want {
		a.t.Errorf("%d is %s, want %s", about, why, want)
	}
	for _, r := range requests {
		numbers = append(numbers, r.RequestID)
	}
	return numbers
}

func (a *asking) wantDone(n int) {
	a.t.Helper()
	synctest.Wait()
	if got := int(a.done.Load()); got != n {
		a.t.Errorf("%d are told, want %d", got, n)
	}
}

func TestAnInquiryEndsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t)
		requests := a.ask(1, inquiryBegun)
		if len(requests) != askedServers {
			t.Fatalf("%d are asked", len(requests))
		}
		a.ask(1, inquiryJoined)
		a.answered(requests[0])
		a.answered(requests[1])
		a.wantDone(0)
		a.answered(requests[2])
		a.wantDone(2)
		a.answered(requests[2])
		time.Sleep(2 * time.Second)
		a.wantDone(2)
		a.ask(1, inquiryRecent)

		requests = a.ask(2, inquiryBegun)
		a.enough(requests[1])
		a.wantDone(3)
		time.Sleep(2 * time.Second)
		a.wantDone(3)

		a.ask(3, inquiryBegun)
		time.Sleep(2 * time.Second)
		a.wantDone(4)
		a.ask(3, inquiryRecent)
		time.Sleep(askAgain)
		for _, r := range requests {
			a.enough(r)
			a.answered(r)
		}
		a.wantDone(4)
		a.ask(3, inquiryBegun)
		time.Sleep(2 * time.Second)
		a.wantDone(5)
	})
}

func TestInquiriesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAsking(t)
		for i := range maximumInquiries {
			_, why := a.begin(Question{About: mih.MACAddress([6]byte{2, 0, 0, 0, byte(i >> 8), byte(i)})}, time.Second, func() { a.done.Add(1) })
			if why != inquiryBegun {
				t.Fatalf("%d is %s", i, why)
			}
		}
		a.ask(1, inquiryTooMany)
		time.Sleep(2 * time.Second)
		a.wantDone(maximumInquiries)
		a.ask(1, inquiryTooMany) // for the requests have no answer yet
		for r := range a.last {
			a.answered(r + 1)
		}
		if len(a.requests) > 0 || len(a.open) > 0 {
			t.Errorf("%d requests and %d inquiries are left", len(a.requests), len(a.open))
		}
		a.ask(1, inquiryBegun)
		for range maximumDone - 1 {
			a.ask(1, inquiryJoined)
		}
		a.ask(1, inquiryTooMany)
		a.serve(nil)
		a.ask(2, inquiryNobody)
		time.Sleep(2 * time.Second)
		a.wantDone(maximumInquiries + maximumDone)
	})
}

func TestWhatWasAskedIsForgotten(t *testing.T) {
	i, start := newInquiries(), time.Unix(1e9, 0)
	about := func(n int) Question {
		return Question{About: mih.MACAddress([6]byte{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)})}
	}
	for n := range maximumAsked {
		i.remember(about(n), start.Add(time.Duration(n%2)*askAgain))
	}
	i.remember(about(maximumAsked), start.Add(askAgain))
	if len(i.asked) != maximumAsked/2+1 {
		t.Errorf("%d are remembered after the old ones went", len(i.asked))
	}
	for n := range 2 * maximumAsked {
		i.remember(about(n), start.Add(askAgain))
	}
	if len(i.asked) > maximumAsked {
		t.Errorf("%d are remembered", len(i.asked))
	}
}
