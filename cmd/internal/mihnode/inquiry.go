package mihnode

import (
	"slices"
	"sync"
	"time"

	"netlmm/mih"
	"netlmm/mih/mihf"
	"netlmm/mih/miis"
	"netlmm/mih/wire"
)

// Bounds of what is asked of information servers.
const (
	askedServers     = 3                // about one thing
	askedCandidates  = 16               // points of attachment that one answer is to have
	askAgain         = 30 * time.Second // about the same thing
	maximumAsked     = 4096             // things of which it is remembered when they were asked
	maximumInquiries = 256              // that wait for answers
	maximumRequests  = askedServers * maximumInquiries
	maximumDone      = 64 // of one inquiry
)

// Question is what an information server is asked: about one point of attachment, or also where a station may go from there.
type Question struct {
	About      mih.LinkAddress
	Candidates bool
}

func (q Question) request() wire.GetInformationRequest {
	if q.Candidates {
		return miis.QueryCandidates(q.About, askedCandidates)
	}
	return miis.QueryPointOfAttachment(q.About)
}

// inquiry is a question that was asked.
type inquiry struct {
	question Question
	open     int // requests that have no answer yet
	done     []func()
	timer    *time.Timer
}

type inquiries struct {
	mu       sync.Mutex
	servers  []mih.MIHFID
	asked    map[Question]time.Time
	open     map[Question]*inquiry
	requests map[uint64]*inquiry // also those whose time is over: a late answer is worth something
	last     uint64
}

func newInquiries() inquiries {
	return inquiries{asked: map[Question]time.Time{}, open: map[Question]*inquiry{}, requests: map[uint64]*inquiry{}}
}

// serve says who answers queries.
func (i *inquiries) serve(servers []mih.MIHFID) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.servers = servers[:min(len(servers), askedServers)]
}

// asks says whether this is one of those who are asked.
func (i *inquiries) asks(server mih.MIHFID) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Contains(i.servers, server)
}

// Inquire asks the information servers, unless the same was asked a moment ago. What they say is in the map when done is called:
// once, when one has told something or all of them have answered, within the given time, or at once when nobody is asked. done must
// not wait.
func (n *Node) Inquire(q Question, within time.Duration, done func()) {
	requests, why := n.cfg.Information.inquiries.begin(q, within, done)
	n.cfg.Counters.Add(InformationCount, why)
	for _, r := range requests {
		if !n.Post(r) {
			n.cfg.Information.inquiries.answered(r.RequestID)
		}
	}
	if why != inquiryBegun && why != inquiryJoined {
		done()
	}
}

// What becomes of an inquiry, for counters.
const (
	inquiryBegun   = "asked"
	inquiryJoined  = "asked_already"
	inquiryRecent  = "asked_lately"
	inquiryNobody  = "no_information_server"
	inquiryTooMany = "too_many_inquiries"
)

// begin makes the requests of an inquiry.
func (i *inquiries) begin(q Question, within time.Duration, done func()) (requests []mihf.Request, why string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	at, asked := i.asked[q]
	switch one := i.open[q]; {
	case one != nil && len(one.done) < maximumDone:
		one.done = append(one.done, done)
		return nil, inquiryJoined
	case one == nil && asked && now.Sub(at) < askAgain:
		return nil, inquiryRecent
	case one != nil, len(i.open) >= maximumInquiries, len(i.requests) > maximumRequests-askedServers:
		return nil, inquiryTooMany
	case len(i.servers) == 0:
		return nil, inquiryNobody
	}
	i.remember(q, now)
	one := &inquiry{question: q, open: len(i.servers), done: []func(){done}}
	one.timer = time.AfterFunc(within, func() { i.end(one) })
	i.open[q] = one
	for _, server := range i.servers {
		i.last++
		i.requests[i.last] = one
		requests = append(requests, mihf.Request{User: mihf.User{Name: informant}, RequestID: i.last, Destination: server, Body: q.request()})
	}
	return requests, inquiryBegun
}

// remember notes when something was asked, in the place of what may be asked again.
func (i *inquiries) remember(q Question, now time.Time) {
	if len(i.asked) >= maximumAsked {
		for other, at := range i.asked {
			if now.Sub(at) >= askAgain {
				delete(i.asked, other)
			}
		}
	}
	if len(i.asked) >= maximumAsked {
		clear(i.asked)
	}
	i.asked[q] = now
}

// enough ends the inquiry of a request.
func (i *inquiries) enough(request uint64) {
	i.mu.Lock()
	one := i.requests[request]
	i.mu.Unlock()
	if one != nil {
		i.end(one)
	}
}

// answered ends a request, and an inquiry with its last one.
func (i *inquiries) answered(request uint64) {
	i.mu.Lock()
	one := i.requests[request]
	delete(i.requests, request)
	over := false
	if one != nil {
		one.open--
		over = one.open == 0
	}
	i.mu.Unlock()
	if over {
		i.end(one)
	}
}

// end tells those who wait, once.
func (i *inquiries) end(one *inquiry) {
	i.mu.Lock()
	done := one.done
	one.done = nil
	one.timer.Stop()
	if i.open[one.question] == one {
		delete(i.open, one.question)
	}
	i.mu.Unlock()
	for _, f := range done {
		f()
	}
}
