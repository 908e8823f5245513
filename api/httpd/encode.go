package httpd

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"trunkline/api"
	"trunkline/router"
	"trunkline/store"
)

// appendAccepted appends the whole HTTP answer to a submission.
func appendAccepted(out, body []byte, replayed bool) []byte {
	out = appendHead(out, http.StatusAccepted, "application/json", len(body))
	if replayed {
		out = append(out, api.IdempotentReplayed+": true\r\n"...)
	}
	return append(append(out, "\r\n"...), body...)
}

// appendHead appends a status line and the headers that every answer has; further ones and the empty line are the caller's.
func appendHead(out []byte, status int, media string, length int) []byte {
	out = append(out, "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(status), 10)
	out = append(out, ' ')
	out = append(out, http.StatusText(status)...)
	out = append(out, "\r\nDate: "...)
	out = append(out, httpDate()...)
	out = append(out, "\r\nCache-Control: no-store\r\nContent-Type: "...)
	out = append(out, media...)
	out = append(out, "\r\nContent-Length: "...)
	out = strconv.AppendInt(out, int64(length), 10)
	return append(out, "\r\n"...)
}

// dated is the Date header of one second.
type dated struct {
	second int64
	text   string
}

var lastDate atomic.Pointer[dated]

// httpDate returns the time as HTTP writes it; it is formatted once per second.
func httpDate() string {
	now := time.Now()
	d := lastDate.Load()
	if d == nil || d.second != now.Unix() {
		d = &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
		lastDate.Store(d)
	}
	return d.text
}

// appendSubmitted appends {"messages":[…],"skipped":[…]} for messages as they are when they were accepted: only the fields that such messages can have. It writes
// what encoding/json would make of messageOf, in a tenth of the time.
func (s *Server) appendSubmitted(out []byte, a *router.Accepted) []byte {
	out = append(out, `{"messages":[`...)
	for i := range a.Messages {
		if i > 0 {
			out = append(out, ',')
		}
		out = s.appendAcceptedMessage(out, &a.Messages[i])
	}
	out = append(out, ']')
	for i, one := range a.Skipped {
		if i == 0 {
			out = append(out, `,"skipped":[`...)
		} else {
			out = append(out, ',')
		}
		out = append(out, `{"contact_id":`...)
		out = strconv.AppendUint(out, one.Contact, 10)
		out = appendString(append(out, `,"to":`...), one.To.String())
		out = appendString(append(out, `,"code":`...), one.Code)
		out = appendString(append(out, `,"text":`...), one.Text)
		out = append(out, '}')
	}
	if len(a.Skipped) > 0 {
		out = append(out, ']')
	}
	return append(out, "}\n"...)
}

func (s *Server) appendAcceptedMessage(out []byte, m *store.Message) []byte {
	text := func(name, value string) {
		out = append(out, name...)
		out = appendString(out, value)
	}
	optional := func(name, value string) {
		if value != "" {
			text(name, value)
		}
	}
	date := func(name string, t time.Time) {
		if !t.IsZero() {
			out = append(out, name...)
			out = t.UTC().AppendFormat(append(out, '"'), time.RFC3339Nano)
			out = append(out, '"')
		}
	}
	out = append(m.ID.Append(append(out, `{"id":"`...)), '"')
	text(`,"direction":`, m.Direction.String())
	text(`,"state":`, m.State.String())
	optional(`,"to":`, m.To.String())
	text(`,"text":`, m.Text)
	trunk := m.Pin
	if m.Routing != nil && m.State == store.Waiting && trunk == "" {
		trunk = m.Routing.Trunk
	}
	optional(`,"trunk":`, trunk)
	optional(`,"account":`, m.Account)
	optional(`,"tag":`, m.Tag)
	out = strconv.AppendUint(append(out, `,"priority":`...), uint64(m.Priority), 10)
	if m.Flash {
		out = append(out, `,"flash":true`...)
	}
	optional(`,"on_ambiguous":`, m.OnAmbiguous.String())
	out = append(out, `,"parts":[`...)
	for i := range m.Parts {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(append(out, `{"seq":`...), int64(m.Parts[i].Seq), 10)
		text(`,"state":`, m.Parts[i].State.String())
		out = append(out, '}')
	}
	out = append(out, ']')
	date(`,"created_at":`, m.CreatedAt)
	date(`,"send_at":`, m.SendAt)
	date(`,"expires_at":`, m.ExpiresAt)
	if m.Routing != nil || m.Failure != nil { // rare enough for encoding/json
		rest, err := json.Marshal(struct {
			Error *api.Failure     `json:"error,omitempty"`
			Plan  *api.MessagePlan `json:"plan,omitempty"`
		}{failureOf(m.Failure), s.planOfAccepted(m)})
		if err != nil { // cannot be: it is strings and numbers
			panic(err)
		}
		out = append(append(out, ','), rest[1:len(rest)-1]...)
	}
	optional(`,"class":`, m.Class)
	return append(out, '}')
}

func (s *Server) planOfAccepted(m *store.Message) *api.MessagePlan {
	if m.Routing == nil {
		return nil
	}
	return s.messagePlanOf(m)
}

const hexDigits = "0123456789abcdef"

// appendString appends a JSON string. Like encoding/json it escapes U+2028 and U+2029, which end a line in JavaScript, and replaces what is no UTF-8.
func appendString(out []byte, s string) []byte {
	out = append(out, '"')
	start := 0
	for i := plainLength(s); i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			out = append(out, s[start:i]...)
			switch c {
			case '"', '\\':
				out = append(out, '\\', c)
			case '\b':
				out = append(out, `\b`...)
			case '\f':
				out = append(out, `\f`...)
			case '\n':
				out = append(out, `\n`...)
			case '\r':
				out = append(out, `\r`...)
			case '\t':
				out = append(out, `\t`...)
			default:
				out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029' {
			out = append(out, s[start:i]...)
			out = append(out, '\\', 'u', hexDigits[r>>12], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
			start = i + size
		}
		i += size
	}
	return append(append(out, s[start:]...), '"')
}
