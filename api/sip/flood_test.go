package sip

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// residentBytes is how much memory of the process is in RAM.
func residentBytes(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(b)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// heapBytes is how much is in use on the heap.
func heapBytes() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// spoofer sends datagrams to a server on loopback from any address of 127.0.0.0/8, and gets all answers.
type spoofer struct {
	conn *net.UDPConn
	to   netip.AddrPort
	buf  []byte
}

// send sends one datagram from a source.
func (s *spoofer) send(text []byte, source [4]byte) error {
	oob := unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: source})
	_, _, err := s.conn.WriteMsgUDPAddrPort(text, oob, s.to)
	return err
}

// 160,000 calls from 160,000 sources: all are answered, and nothing is kept of any.
func TestFlood(t *testing.T) {
	const sources, window = 160_000, 32
	server := serve(t, routed(trunk("one", "1")))
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(4 * time.Minute))
	conn.SetReadBuffer(1 << 20)
	s := spoofer{conn: conn, to: server.Addresses()[0], buf: make([]byte, 65536)}
	text := []byte(invite("sip:+12055550123@192.0.2.1"))
	flood := func(from, n uint32) {
		for i := from; i < from+n; {
			batch := min(window, from+n-i)
			for range batch {
				var source [4]byte
				binary.BigEndian.PutUint32(source[:], 127<<24+256+i)
				if err := s.send(text, source); err != nil {
					t.Fatal(err)
				}
				i++
			}
			for range batch {
				m, err := conn.Read(s.buf)
				if err != nil || statusLine(string(s.buf[:m])) != "302 Moved Temporarily" {
					t.Fatalf("after %d requests: %v, %q", i, err, s.buf[:m])
				}
			}
		}
	}
	flood(sources, 20_000) // what is only needed once
	before, held := residentBytes(t), heapBytes()
	flood(0, sources)
	after, grew := residentBytes(t), heapBytes()-held
	t.Logf("resident: %d KiB before, %d KiB after %d sources, %d KiB on the heap; %d goroutines", before>>10, after>>10, sources, grew>>10, runtime.NumGoroutine())
	if grew > 256<<10 {
		t.Errorf("%d sources left %d KiB on the heap", sources, grew>>10)
	}
	if grown := after - before; grown > 8<<20 { // with what threads keep
		t.Errorf("%d sources left %d KiB", sources, grown>>10)
	}
}
