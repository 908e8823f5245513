package httpd

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"trunkline/api"
	"trunkline/store"
)

// Columns of an export, in order: those of Easy 0, then ours.
var (
	easy0Columns = []string{"Service Provider Name", "Subscriber Name", "CDR ID", "Start Time", "End Time", "Additional Data", "Events"}
	moreColumns  = []string{"Kind", "Direction", "Trunk", "Number", "Line", "Answer Time", "Seconds", "Outcome", "Cause", "Action", "Plan", "Plan Version", "Rule", "Label", "Treatment",
		"Account", "Message ID"}
)

// exportTime is how Easy 0 writes times; they are in UTC.
const exportTime = "2006-01-02 15:04:05.000000"

// exportPage is how many records are read from the store at once.
const exportPage = 500

// exportCDRs is GET /v1/cdrs/export. The records go out as they are read, so that any number of them takes little memory.
func (s *Server) exportCDRs(w http.ResponseWriter, r *request) error {
	q, err := s.cdrQuery(r)
	if err != nil {
		return err
	}
	q.Limit, q.Ascending = exportPage, true
	all := false
	switch v := r.query.Get("columns"); v {
	case "", api.ColumnsEasy0:
	case api.ColumnsAll:
		all = true
	default:
		return badParameter("columns", api.FieldInvalid, "is neither easy0 nor all")
	}
	page, err := s.store.CDRs(r.Context(), q)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Cache-Control", "no-store")
	if r.Method == http.MethodHead {
		return nil
	}
	paced := &paced{server: s, w: w, control: http.NewResponseController(w)}
	paced.control.SetReadDeadline(time.Time{}) // the timeout for a request's body must not end its answer
	out := csv.NewWriter(paced)
	head := easy0Columns
	if all {
		head = append(head[:len(head):len(head)], moreColumns...)
	}
	out.Write(head)
	for {
		for i := range page.Items {
			out.Write(s.cdrRow(&page.Items[i], all))
		}
		if out.Flush(); out.Error() != nil || page.Next == "" {
			break
		}
		q.Cursor = page.Next
		if page, err = s.store.CDRs(r.Context(), q); err != nil {
			break
		}
	}
	if err != nil || out.Error() != nil {
		s.log.Error("an export of records was not finished", "account", r.account, "err", err)
		panic(http.ErrAbortHandler) // so that nobody takes it for a whole one
	}
	return nil
}

// cdrRow returns the fields of a record.
func (s *Server) cdrRow(c *store.CDR, all bool) []string {
	additional := []byte("[]")
	if len(c.Screening) > 0 {
		additional, _ = json.Marshal(c.Screening) // strings can always be encoded
	}
	row := []string{s.store.ProviderName(c.Provider), c.Subscriber, c.ID.String(), exported(c.StartedAt), exported(c.EndedAt), string(additional), eventsOf(c)}
	if all {
		d := c.Decision
		if d == nil {
			d = &store.CallDecision{}
		}
		version, message := "", ""
		if d.Version > 0 {
			version = strconv.FormatInt(d.Version, 10)
		}
		if !c.Message.IsZero() {
			message = c.Message.String()
		}
		row = append(row, c.Kind.String(), c.Direction.String(), c.Trunk, c.Number.String(), c.Line.String(), exported(c.AnsweredAt), strconv.FormatFloat(c.Stood().Seconds(), 'f', 3, 64),
			c.Outcome, c.Cause, d.Action, d.Plan, version, d.Rule, d.Label, d.Treatment, c.Account, message)
	}
	for i := range row {
		row[i] = harmless(row[i])
	}
	return row
}

// eventsOf writes all events of a record as one text: "time name detail;" for each.
func eventsOf(c *store.CDR) string {
	var b strings.Builder
	for _, e := range c.Events {
		b.WriteString(exported(e.At) + " " + e.Name)
		if e.Detail != "" {
			b.WriteString(" " + strings.ReplaceAll(e.Detail, ";", ","))
		}
		b.WriteByte(';')
	}
	return b.String()
}

func exported(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(exportTime)
}

// harmless puts an apostrophe before what a spreadsheet would take for a formula, numbers with a plus sign included.
func harmless(s string) string {
	if strings.IndexAny(s, "=+-@\t\r＝＋－＠") == 0 {
		return "'" + s
	}
	return s
}
