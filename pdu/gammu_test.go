package pdu

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// gammuModem is a modem with a full message memory, for gammu to read: gammu has no way to decode a PDU by itself.
type gammuModem struct {
	stored []string // PDUs with service centre, at index 1 and on
}

// answer returns what the modem says to a command.
func (g gammuModem) answer(command string) string {
	body := ""
	switch {
	case command == "AT+CGMI":
		body = "Acme"
	case command == "AT+CGMM":
		body = "M1"
	case command == "AT+CGMR":
		body = "1.0"
	case command == "AT+CPMS=?":
		body = `+CPMS: ("SM"),("SM"),("SM")`
	case command == "AT+CPMS?":
		body = fmt.Sprintf(`+CPMS: "SM",%d,%d`, len(g.stored), len(g.stored))
	case strings.HasPrefix(command, "AT+CPMS="):
		n := len(g.stored)
		body = fmt.Sprintf("+CPMS: %d,%d,%d,%d,%d,%d", n, n, n, n, n, n)
	case command == "AT+CSMS?":
		body = "+CSMS: 0,1,1,1"
	case command == "AT+CSCS?":
		body = `+CSCS: "GSM"`
	case command == "AT+CSCS=?":
		body = `+CSCS: ("GSM")`
	case command == "AT+CMGF=?":
		body = "+CMGF: (0)"
	case strings.HasPrefix(command, "AT+CMGL="):
		var all []string
		for i, s := range g.stored {
			all = append(all, fmt.Sprintf("+CMGL: %d,1,,%d\r\n%s", i+1, length(s), s))
		}
		body = strings.Join(all, "\r\n")
	case strings.HasPrefix(command, "AT+CMGR="):
		i, _ := strconv.Atoi(command[len("AT+CMGR="):])
		if i < 1 || i > len(g.stored) {
			return "\r\n+CMS ERROR: 321\r\n"
		}
		body = fmt.Sprintf("+CMGR: 1,,%d\r\n%s", length(g.stored[i-1]), g.stored[i-1])
	case command == "AT+CNMI=?", strings.HasPrefix(command, "AT+CNMI="), strings.HasPrefix(command, "AT+CSMS="), strings.HasPrefix(command, "AT+CSCS="), command == "AT+CFUN=1", strings.HasPrefix(command, "AT+CMEE"), strings.HasPrefix(command, "AT+CMGF="), command == "AT", strings.HasPrefix(command, "ATE"), strings.HasPrefix(command, "ATZ"):
	default:
		return "\r\nERROR\r\n"
	}
	if body != "" {
		body = "\r\n" + body + "\r\n"
	}
	return body + "\r\nOK\r\n"
}

// length is what a modem announces for a stored PDU.
func length(s string) int {
	n, _ := strconv.ParseUint(s[:2], 16, 8)
	return len(s)/2 - 1 - int(n)
}

// serve answers commands until the line ends.
func (g gammuModem) serve(line *os.File) {
	r := bufio.NewReader(line)
	for {
		command, err := r.ReadString('\r')
		if err != nil {
			return
		}
		command = strings.Trim(command, "\r\n\x1b\x1a ")
		if command == "" {
			continue
		}
		if _, err := line.WriteString(command + "\r" + g.answer(command)); err != nil { // gammu wants its echo
			return
		}
	}
}

// gammuMessage is what gammu prints of one message.
type gammuMessage struct{ number, text string }

var gammuHeader = regexp.MustCompile(`(?m)^Location (\d+), folder`)

// readGammu lets gammu read the whole memory and returns what it printed by location.
func readGammu(t *testing.T, stored []string) map[int]gammuMessage {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		gammuModem{stored}.serve(master)
	}()
	defer func() {
		slave.Close() // ends the line: gammu has gone by then, so the read at the other end fails
		<-done
		master.Close()
	}()
	conf := filepath.Join(t.TempDir(), "gammurc")
	if err := os.WriteFile(conf, []byte("[gammu]\ndevice = "+slave.Name()+"\nconnection = at\nlogformat = nothing\nuse_locking = no\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "gammu", "-c", conf, "getallsms")
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gammu: %v\n%s", err, out)
	}
	found := map[int]gammuMessage{}
	places := gammuHeader.FindAllStringSubmatchIndex(string(out), -1)
	for i, at := range places {
		end := len(out)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		location, _ := strconv.Atoi(string(out[at[2]:at[3]]))
		head, body, _ := strings.Cut(string(out[at[0]:end]), "\n\n")
		var m gammuMessage
		for line := range strings.Lines(head) {
			if value, ok := strings.CutPrefix(line, "Remote number"); ok {
				m.number = strings.Trim(strings.TrimLeft(value, " :"), "\"\n")
			}
		}
		body, _, _ = strings.Cut(body, "\n\n\n\n") // the summary at the end
		m.text = strings.TrimRight(body, "\n")
		found[location] = m
	}
	return found
}

func TestGammuAgrees(t *testing.T) {
	if _, err := exec.LookPath("gammu"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the Debian package gammu is not installed")
		}
		t.Skip("the Debian package gammu is not installed")
	}
	var vectors []vector
	vectorFile(t, "pdu.json", &vectors)
	var stored []string
	var messages []*Message
	var ids []string
	for _, v := range vectors {
		m, err := DecodeHex(v.PDU, v.direction(), v.HasSMSC)
		if err != nil || m.Type != Deliver {
			continue
		}
		s := v.PDU
		if !v.HasSMSC {
			s = "00" + s
		}
		stored, messages, ids = append(stored, s), append(messages, m), append(ids, v.ID)
	}
	found := readGammu(t, stored)
	used := make([]int, len(gammuReasons))
	same := 0
	for i, m := range messages {
		t.Run(ids[i], func(t *testing.T) {
			ours, theirs := gammuSummary(m), found[i+1]
			if ours == theirs {
				same++
				return
			}
			explain(t, gammuReasons, used, m, fmt.Sprintf("%q", ours), fmt.Sprintf("%q", theirs))
		})
	}
	t.Logf("%d of %d read the same", same, len(messages))
	unused(t, gammuReasons, used)
}

// gammuSummary is what gammu would print of a message. It ends texts with line feeds of its own, so those at the end do not count.
func gammuSummary(m *Message) gammuMessage {
	text := strings.TrimRight(m.Text, "\n")
	if m.DCS.Alphabet() == Octets {
		text = fmt.Sprintf("8 bit SMS, cannot be displayed here\n(hex: %X)", m.Data)
	}
	return gammuMessage{number: m.Address.String(), text: text}
}

// What gammu reads otherwise, and why we keep to ours.
var gammuReasons = []peerReason{
	{"it knows no national language tables and shows an escape as ¹", func(m *Message, theirs string) bool {
		return m.Locking != DefaultLanguage || m.Shift != DefaultLanguage
	}},
	{"it does not show messages with a reserved coding, which TS 23.038 §4 has read as the default alphabet", func(m *Message, theirs string) bool {
		return m.DCS.Reserved() && theirs == `{"" ""}`
	}},
	{"it cuts 8-bit data at the first NUL", func(m *Message, theirs string) bool {
		_, shown, _ := strings.Cut(theirs, "(hex: ")
		shown, _, _ = strings.Cut(shown, ")")
		return m.DCS.Alphabet() == Octets && strings.HasPrefix(fmt.Sprintf("%X", m.Data), shown+"00")
	}},
	{"it shows octets of an earlier message behind 8-bit data", func(m *Message, theirs string) bool {
		return m.DCS.Alphabet() == Octets && strings.Contains(theirs, fmt.Sprintf("(hex: %X", m.Data))
	}},
	{"it drops the digits * # a b c of TS 23.040 §9.1.2.3 from numbers", func(m *Message, theirs string) bool {
		return !m.Address.IsAlphanumeric() && strings.ContainsAny(m.Address.Value, "*#abc")
	}},
	{"it shows septets of an alphanumeric sender as ASCII codes", func(m *Message, theirs string) bool {
		return m.Address.IsAlphanumeric() && strings.ContainsFunc(m.Address.Value, func(r rune) bool { return r == '_' || r == '@' || r == '$' || r == '\n' || r > 0x7F })
	}},
	{"it takes the unused semi-octet of a number of odd length for a digit when it is no filler", func(m *Message, theirs string) bool {
		return len(m.Address.Value)%2 == 1 && strings.HasPrefix(theirs, `{"`+m.Address.String()+`0"`)
	}},
}
