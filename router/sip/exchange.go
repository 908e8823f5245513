package sip

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Timers of RFC 3261 §17.1.2.2.
const (
	usualT1 = 500 * time.Millisecond // first retransmission; each further one waits twice as long
	usualT2 = 4 * time.Second        // the longest wait between two, and that once the server is at work
)

// Sizes.
const (
	maxDatagram = 1300     // octets of a request by UDP; longer ones go by TCP, RFC 3428 §8
	maxAnswer   = 64 << 10 // octets of an answer that are read
)

// errSilent says that the request was sent and nothing came back in time.
var errSilent = errors.New("the server did not answer in time")

// errNobody says that nobody was there to take the request.
var errNobody = errors.New("nobody listens at the server's address")

// dial connects to the server by a transport.
func (t *Trunk) dial(ctx context.Context, transport string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, t.config.Timeout)
	defer cancel()
	if transport == TLS {
		return (&tls.Dialer{Config: &tls.Config{ServerName: t.host, RootCAs: t.roots, MinVersion: tls.VersionTLS12}}).DialContext(ctx, TCP, t.server)
	}
	return (&net.Dialer{}).DialContext(ctx, transport, t.server)
}

// exchange sends a request and returns the final answer. errSilent when none came in time, errNobody when the request cannot have arrived.
func (t *Trunk) exchange(c net.Conn, transport string, m *message) (*sip.Response, error) {
	branch := "z9hG4bK" + random()
	request := m.bytes(transport, branch, c.LocalAddr())
	if transport == UDP {
		return t.datagrams(c, request, branch)
	}
	end := time.Now().Add(t.config.Timeout)
	if err := c.SetDeadline(end); err != nil {
		return nil, err
	}
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.LimitReader(c, 16*maxAnswer))
	for {
		text, err := readAnswer(in)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, errSilent
		}
		if err != nil {
			return nil, err
		}
		if r := answer(text, branch); r != nil && r.StatusCode >= 200 {
			return r, nil
		}
	}
}

// datagrams sends a request over and over until a final answer comes. RFC 3261 §17.1.2.2.
func (t *Trunk) datagrams(c net.Conn, request []byte, branch string) (*sip.Response, error) {
	end, wait, heard := time.Now().Add(t.config.Timeout), t.t1, false
	buf := make([]byte, maxAnswer)
	for {
		if _, err := c.Write(request); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, err
		}
		again := time.Now().Add(wait)
		if again.After(end) {
			again = end
		}
		for {
			if err := c.SetReadDeadline(again); err != nil {
				return nil, err
			}
			n, err := c.Read(buf)
			switch {
			case errors.Is(err, syscall.ECONNREFUSED) && !heard:
				return nil, errNobody
			case errors.Is(err, os.ErrDeadlineExceeded):
			case err != nil:
				return nil, err
			default:
				r := answer(buf[:n], branch)
				if r == nil {
					continue
				}
				if heard = true; r.StatusCode >= 200 {
					return r, nil
				}
				continue
			}
			break
		}
		if !time.Now().Before(end) {
			return nil, errSilent
		}
		if wait = min(2*wait, t.t2); heard {
			wait = t.t2
		}
	}
}

// answer reads an answer to the transaction of a branch, nil when it is none.
func answer(text []byte, branch string) *sip.Response {
	m, err := sip.ParseMessage(text)
	if err != nil {
		return nil
	}
	r, ok := m.(*sip.Response)
	if !ok || r.Via() == nil || r.CSeq() == nil || r.CSeq().MethodName != sip.MESSAGE {
		return nil
	}
	if mine, _ := r.Via().Params.Get("branch"); mine != branch {
		return nil
	}
	return r
}

// readAnswer reads one message off a stream: a head, and as much body as it says.
func readAnswer(in *bufio.Reader) ([]byte, error) {
	var text []byte
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if text == nil && strings.TrimSpace(string(line)) == "" {
			continue // line ends between messages keep connections open, RFC 3261 §7.5
		}
		if text = append(text, line...); len(text) > maxAnswer {
			return nil, fmt.Errorf("the head of an answer has more than %d octets", maxAnswer)
		}
		name, value, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		if name == "" {
			break
		}
		if name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); name == "Content-Length" || name == "L" {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxAnswer {
				return nil, fmt.Errorf("an answer has a body of %q octets", clip(strings.TrimSpace(value)))
			}
		}
	}
	body := make([]byte, length)
	_, err := io.ReadFull(in, body)
	return append(text, body...), err
}
