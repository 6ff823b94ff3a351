package testbed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Conversation is a TCP connection that a mobile node opened to the correspondent and that both keep busy: the node
// sends a numbered block at each interval, the correspondent returns it, and the node compares.
type Conversation struct {
	interval time.Duration
	conn     net.Conn
	listener net.Listener
	done     sync.WaitGroup
	closing  chan struct{}

	mu     sync.Mutex
	echoed int   // blocks that came back as they were sent
	failed error // why it ended before Stop
}

// blockSize is one message of a Conversation.
const blockSize = 512

// conversationInterval is that of conversations beside flows of so many packets a second: 20 ms, longer on a slow machine.
func conversationInterval(rate int) time.Duration {
	return max(20*time.Millisecond, 2*time.Second/time.Duration(rate))
}

// StartConversation opens the connection from a mobile node's address, of either family.
func (d *Domain) StartConversation(mn *MobileNode, address netip.Addr, number int, interval time.Duration) (*Conversation, error) {
	c := &Conversation{interval: interval, closing: make(chan struct{})}
	correspondent := CorrespondentOnLink
	if address.Is4() {
		correspondent = CorrespondentOnLink4
	}
	server := netip.AddrPortFrom(correspondent, uint16(tcpPort+number))
	err := d.in(NodeCorrespondent, func() (err error) {
		c.listener, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(server))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("correspondent: %w", err)
	}
	c.done.Add(1)
	go c.echo()
	err = d.in(mn.Node, func() (err error) {
		dialer := net.Dialer{Timeout: startPatience, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, 0))}
		c.conn, err = dialer.Dial("tcp", server.String())
		return err
	})
	if err != nil {
		c.listener.Close()
		c.done.Wait()
		return nil, fmt.Errorf("%s connects to the correspondent: %w", mn.Node, err)
	}
	c.done.Add(2)
	go c.speak()
	go c.listen()
	return c, nil
}

// echo is the correspondent's side.
func (c *Conversation) echo() {
	defer c.done.Done()
	conn, err := c.listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	go func() { // a mobile node that is cut off cannot say goodbye
		<-c.closing
		conn.Close()
	}()
	_, _ = io.Copy(conn, conn) // the mobile node's side judges
}

// block is the content of message n.
func block(n uint64) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, n), blockSize/8)
}

// speak sends blocks until the conversation is closed.
func (c *Conversation) speak() {
	defer c.done.Done()
	ticker := time.NewTicker(c.interval)
	defer ticker.Stop()
	for n := uint64(0); ; n++ {
		if _, err := c.conn.Write(block(n)); err != nil {
			c.fail(err)
			return
		}
		select {
		case <-c.closing:
			return
		case <-ticker.C:
		}
	}
}

// listen compares what comes back.
func (c *Conversation) listen() {
	defer c.done.Done()
	returned := make([]byte, blockSize)
	for n := uint64(0); ; n++ {
		if _, err := io.ReadFull(c.conn, returned); err != nil {
			c.fail(err)
			return
		}
		if !bytes.Equal(returned, block(n)) {
			c.fail(fmt.Errorf("block %d came back changed", n))
			return
		}
		c.mu.Lock()
		c.echoed++
		c.mu.Unlock()
	}
}

// fail notes the first thing that went wrong; the end that Stop causes is none.
func (c *Conversation) fail(err error) {
	select {
	case <-c.closing:
		return
	default:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
}

// Echoed is how many blocks came back so far, and why the conversation ended, if it did.
func (c *Conversation) Echoed() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.echoed, c.failed
}

// Alive waits until one more block, sent after now, has come back.
func (c *Conversation) Alive(patience time.Duration) error {
	before, err := c.Echoed()
	if err != nil {
		return err
	}
	return poll(patience, "the TCP connection goes on", func() (bool, error) {
		now, err := c.Echoed()
		return now > before+1, err
	})
}

// Stop closes the connection.
func (c *Conversation) Stop() error {
	close(c.closing)
	err := errors.Join(c.conn.Close(), c.listener.Close())
	c.done.Wait()
	return err
}
