package sip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rawOf is an IPv4 address as the kernel writes it.
func rawOf(a netip.AddrPort) (raw rawAddress) {
	binary.NativeEndian.PutUint16(raw[:2], unix.AF_INET)
	binary.BigEndian.PutUint16(raw[2:4], a.Port())
	four := a.Addr().As4()
	copy(raw[4:8], four[:])
	return raw
}

// Answers arrive one by one and whole, however many have one length and one address, also where the kernel takes no trains.
func TestTrains(t *testing.T) {
	for name, without := range map[string]bool{"together": false, "apart": true} {
		t.Run(name, func(t *testing.T) {
			c, err := listenUDP(netip.MustParseAddrPort("127.0.0.1:0"), false)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var receivers []*net.UDPConn
			for range 2 {
				r, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				r.SetReadDeadline(time.Now().Add(time.Minute))
				receivers = append(receivers, r)
			}
			var out trains
			var sent [2][]string
			add := func(receiver, number, length int) {
				text := append(out.room(), fmt.Sprintf("%02d of %d %s", number, receiver, strings.Repeat(".", length))...)
				to := rawOf(receivers[receiver].LocalAddr().(*net.UDPAddr).AddrPort())
				out.add(text, &to, unix.SizeofSockaddrInet4)
				sent[receiver] = append(sent[receiver], string(text))
			}
			err = c.raw.Control(func(fd uintptr) {
				out.fd = fd
				if without { // the kernel makes no trains without checksums
					if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
						t.Fatal(err)
					}
				}
				for round := range 2 { // the second one with room for answers that is used already
					for i := range batchSize {
						add(i%2, round*batchSize+i, 300+i%3*i%2+2000*(i/(batchSize-2)))
					}
					if out.n >= batchSize && !out.single {
						t.Errorf("%d trains for %d answers", out.n, batchSize)
					}
					if failed, err := out.send(); failed != 0 || err != nil {
						t.Errorf("%d failed: %v", failed, err)
					}
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if out.single != without {
				t.Errorf("every answer for itself: %v, want %v", out.single, without)
			}
			buf := make([]byte, 65536)
			for i, r := range receivers {
				var got []string
				for range sent[i] {
					n, err := r.Read(buf)
					if err != nil {
						t.Fatalf("receiver %d after %d answers: %v", i, len(got), err)
					}
					got = append(got, string(buf[:n]))
				}
				slices.Sort(got) // trains may overtake each other
				slices.Sort(sent[i])
				if !slices.Equal(got, sent[i]) {
					t.Errorf("receiver %d got %q, want %q", i, got, sent[i])
				}
			}
		})
	}
}

// What cannot be sent is counted, keeps nothing else back, and is no reason to give up trains.
func TestTrainsFail(t *testing.T) {
	c, err := listenUDP(netip.MustParseAddrPort("127.0.0.1:0"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	good, bad := rawOf(c.at), rawOf(netip.AddrPortFrom(c.at.Addr(), 0))
	var out trains
	for i, to := range []*rawAddress{&bad, &good, &bad, &good, &bad} {
		text := append(out.room(), "answer"...)
		if i == 4 {
			text = append(text, " alone"...)
		}
		out.add(text, to, unix.SizeofSockaddrInet4)
	}
	err = c.raw.Control(func(fd uintptr) {
		out.fd = fd
		if failed, err := out.send(); failed != 3 || !errors.Is(err, unix.EINVAL) || out.single {
			t.Errorf("%d failed: %v; every answer for itself: %v", failed, err, out.single)
		}
		b := newBatch(fd, 1024)
		for got := 0; got < 2; {
			n, err := b.receive()
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if text, from, whole := b.datagram(i); string(text) != "answer" || from != c.at || !whole {
					t.Errorf("%q from %s", text, from)
				}
			}
			got += n
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
