// Package alertmanager takes the notifications of Prometheus' Alertmanager and makes text messages of them: receiver → numbers, alerts → one text of few
// parts. It only translates; what is sent goes through the router like everything else.
package alertmanager

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline/router"
)

// Path is where notifications are posted to.
const Path = "/alertmanager"

// Limits on what comes in.
const (
	maxBody  = 1 << 20
	maxToken = 1024
	minToken = 16
)

// Options is what a Handler works with. Submit and Measure are needed.
type Options struct {
	Config     Config // valid
	Submit     func(context.Context, router.Submission) (router.Accepted, error)
	Measure    func(text string, limit int) (parts int, err error)
	Logger     *slog.Logger          // nil: none
	Registerer prometheus.Registerer // nil: none
}

// Handler answers POST /alertmanager with 200 when the messages are on disk, with 5xx when Alertmanager should come again, and with 4xx when that would
// not help. It is safe for concurrent use.
type Handler struct {
	config   Config
	token    [sha256.Size]byte
	composer composer
	submit   func(context.Context, router.Submission) (router.Accepted, error)
	log      *slog.Logger
	outcomes *prometheus.CounterVec
}

// New reads the token and returns a handler.
func New(o Options) (*Handler, error) {
	h := &Handler{config: o.Config, submit: o.Submit, log: o.Logger}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	text, err := parse(o.Config.Text, textWords)
	if err != nil {
		return nil, fmt.Errorf("text: %w", err)
	}
	line, err := parse(o.Config.Alert, alertWords)
	if err != nil {
		return nil, fmt.Errorf("alert: %w", err)
	}
	h.composer = composer{text: text, alert: line, parts: o.Config.Parts, measure: o.Measure}
	token, err := readToken(o.Config.TokenFile)
	if err != nil {
		return nil, err
	}
	h.token = sha256.Sum256(token)
	h.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "trunkline_alertmanager_notifications_total",
		Help: "Notifications of Alertmanager by what became of them: accepted, repeated (no news), refused, failed (it comes again)."}, []string{"outcome"})
	for _, outcome := range []string{"accepted", "repeated", "refused", "failed"} {
		h.outcomes.WithLabelValues(outcome)
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(h.outcomes); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// readToken reads the one line of a token file.
func readToken(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the token of Alertmanager: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	token := strings.TrimSpace(string(b))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the token of Alertmanager: %w", err)
	case len(token) < minToken || len(b) > maxToken || strings.ContainsAny(token, " \t\r\n"):
		return nil, fmt.Errorf("%s must hold one line of %d to %d characters without blanks, for example from \"openssl rand -hex 24\"", file, minToken, maxToken)
	}
	return []byte(token), nil
}

// refusal is an answer other than 200.
type refusal struct {
	status int
	reason string // sent
	err    error  // for the log; may be nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ids, replayed, no := h.take(w, r)
	if no != nil {
		outcome := "refused"
		if no.status >= 500 {
			outcome = "failed"
		}
		h.outcomes.WithLabelValues(outcome).Inc()
		h.log.Warn("a notification of Alertmanager was not taken", "status", no.status, "reason", no.reason, "err", no.err)
		http.Error(w, no.reason, no.status)
		return
	}
	outcome := "accepted"
	if replayed {
		outcome = "repeated"
	}
	h.outcomes.WithLabelValues(outcome).Inc()
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"messages": ids, "repeated": replayed})
}

func (h *Handler) take(w http.ResponseWriter, r *http.Request) (ids []string, replayed bool, no *refusal) {
	scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(strings.TrimSpace(sent)))
	switch {
	case !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(sum[:], h.token[:]) != 1:
		w.Header().Set("WWW-Authenticate", `Bearer realm="trunkline"`)
		return nil, false, &refusal{http.StatusUnauthorized, "the token is missing or wrong: set http_config.authorization.credentials_file of the receiver to a file with the token of alertmanager.token_file", nil}
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		return nil, false, &refusal{http.StatusMethodNotAllowed, "notifications are posted", nil}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return nil, false, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the notification is longer than %d bytes: set max_alerts of the receiver", maxBody), nil}
	case err != nil:
		return nil, false, &refusal{http.StatusBadRequest, "the body ended too early", nil}
	}
	n, err := decode(body)
	if err != nil {
		return nil, false, &refusal{http.StatusBadRequest, oneLine(err.Error()), nil}
	}
	to, ok := h.config.Receiver[n.Receiver]
	if !ok {
		return nil, false, &refusal{http.StatusNotFound, fmt.Sprintf("there is no [alertmanager.receiver.%s]; there are %s", clip(oneLine(n.Receiver)), strings.Join(slices.Sorted(maps.Keys(h.config.Receiver)), ", ")), nil}
	}
	key := n.key()
	accepted, err := h.submit(r.Context(), router.Submission{Account: "alertmanager", To: to.To, Trunk: to.Trunk, Flash: to.Flash, Priority: &h.config.Priority,
		Text: h.composer.compose(n), Tag: "alert", IdempotencyKey: key, IdempotencyHash: sha256.Sum256([]byte(key))})
	var invalid *router.ValidationError
	switch {
	case errors.As(err, &invalid):
		return nil, false, &refusal{http.StatusUnprocessableEntity, "the settings of this receiver make no message: " + oneLine(invalid.Error()), nil}
	case err != nil:
		return nil, false, &refusal{http.StatusServiceUnavailable, "it could not be stored; come again", err}
	}
	for _, m := range accepted.Messages {
		ids = append(ids, m.ID.String())
	}
	return ids, accepted.Replayed, nil
}
