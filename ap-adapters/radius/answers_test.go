package radius

import (
	"testing"
	"time"
)

func TestAnswersAreGivenAgain(t *testing.T) {
	a := newAnswers(3)
	now := time.Unix(1000, 0)
	q := func(n byte) question { return question{from: loopbackPort, identifier: n} }
	look := func(n byte, want string, wantKnown bool) {
		t.Helper()
		if packet, known := a.look(now, q(n)); string(packet) != want || known != wantKnown {
			t.Errorf("question %d: %q, %t, want %q, %t", n, packet, known, want, wantKnown)
		}
	}
	look(1, "", false)
	a.put(now, q(1), nil)
	look(1, "", true)
	a.put(now, q(1), []byte("one"))
	look(1, "one", true)
	for n := byte(2); n <= 4; n++ {
		a.put(now, q(n), []byte{'0' + n})
	}
	look(1, "", false) // three are kept
	look(2, "2", true)
	a.drop(q(3))
	look(3, "", false)
	a.put(now, q(3), []byte("again")) // in the place of 2, not that of its own before
	look(2, "", false)
	a.put(now, q(5), []byte("5"))
	look(3, "again", true)
	if len(a.known) > 3 || len(a.order) != 3 {
		t.Errorf("%d are known, %d in order", len(a.known), len(a.order))
	}
	now = now.Add(answerLifetime + time.Second)
	look(5, "", false)
	a.put(now, q(6), nil)
	now = now.Add(answerLifetime + time.Second)
	look(6, "", true) // nobody has answered yet
}
