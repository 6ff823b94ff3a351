package netnstest

import (
	"io"
	"net"
)

// Echo sends back what comes to a socket and to the connections of a listener, until these are closed.
func Echo(packets net.PacketConn, listener net.Listener) {
	go func() {
		b := make([]byte, 2048)
		for n, peer, err := packets.ReadFrom(b); err == nil; n, peer, err = packets.ReadFrom(b) {
			_, _ = packets.WriteTo(b[:n], peer)
		}
	}()
	go func() {
		for c, err := listener.Accept(); err == nil; c, err = listener.Accept() {
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
}
