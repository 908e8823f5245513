package httpd

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"trunkline/api"
	"trunkline/store"
)

// maxBackup is how long a backup may take: while it runs, the database grows by all that is written.
const maxBackup = time.Hour

// backup is GET /v1/store/backup: the database file of this moment. Its SHA-256 follows as a trailer; an answer that is cut has none.
func (s *Server) backup(w http.ResponseWriter, r *request) error {
	if r.Method == http.MethodHead {
		return api.NewProblem(http.StatusMethodNotAllowed, api.CodeMethodNotAllowed, "The method is not allowed here", "a backup has no head without its body")
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxBackup)
	defer cancel()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("Trailer", api.BackupSum)
	out := &paced{server: s, w: w, control: http.NewResponseController(w)}
	out.control.SetReadDeadline(time.Time{}) // the timeout for a request's body must not end its answer
	b, err := s.store.Backup(ctx, out)
	switch {
	case err != nil && !out.begun:
		for _, name := range []string{"Content-Type", "Trailer"} {
			h.Del(name)
		}
		return err
	case err != nil:
		s.log.Error("a backup was not finished", "account", r.account, "bytes", b.Bytes, "err", err)
		panic(http.ErrAbortHandler) // so that nobody takes it for a whole one
	}
	h.Set(api.BackupSum, hex.EncodeToString(b.SHA256[:]))
	s.log.Info("a backup was made", "account", r.account, "bytes", b.Bytes, "took", b.Took)
	if err := s.note(r, "store.backup", fmt.Sprintf("%d bytes, SHA-256 %x", b.Bytes, b.SHA256)); err != nil {
		s.log.Warn("a backup was made, but no event tells of it", "err", err)
	}
	return nil
}

// note writes an event about something that an administrator did.
func (s *Server) note(r *request, kind, text string) error {
	return s.store.Append(context.WithoutCancel(r.Context()), store.Event{Type: kind, At: s.store.Now(), Reference: -1, Code: r.account, Text: text})
}

// paced is a writer to a client that has the write timeout to take each piece.
type paced struct {
	server  *Server
	w       http.ResponseWriter
	control *http.ResponseController
	begun   bool
}

func (p *paced) Write(b []byte) (int, error) {
	select {
	case <-p.server.stopping:
		return 0, notReady("it is stopping")
	default:
	}
	p.begun = true
	p.control.SetWriteDeadline(time.Now().Add(p.server.config.WriteTimeout))
	return p.w.Write(b)
}

// release is POST /v1/store/release: what a restore held waits again.
func (s *Server) releaseRestored(w http.ResponseWriter, r *request) error {
	n, err := s.router.ReleaseRestored(r.Context(), r.account)
	if n > 0 {
		if e := s.note(r, "store.released", fmt.Sprintf("%d messages", n)); e != nil {
			s.log.Warn("messages were released, but no event tells by whom", "account", r.account, "err", e)
		}
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Released{Released: n})
}
