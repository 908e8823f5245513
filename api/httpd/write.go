package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// answers are buffers for answers of usual size.
var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Header values that every answer shares; net/http only reads them.
var (
	jsonMedia = []string{"application/json"}
	noStore   = []string{"no-store"}
)

// writeJSON answers with v. Nothing is written when v cannot be encoded.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	buf := answers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= 64<<10 {
			answers.Put(buf)
		}
	}()
	buf.Reset()
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	writeBody(w, status, buf.Bytes())
	return nil
}

// writeBody answers with JSON that is encoded already. That a peer is gone is no failure of ours.
func writeBody(w http.ResponseWriter, status int, b []byte) {
	h := w.Header()
	h["Content-Type"] = jsonMedia
	h["Cache-Control"] = noStore
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
	w.WriteHeader(status)
	w.Write(b)
}
