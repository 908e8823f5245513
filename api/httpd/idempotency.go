package httpd

import (
	"crypto/sha256"
	"net/http"
	"net/textproto"
	"sync"

	"trunkline/api"
)

// runningKeys are the keys of requests that are being answered, so that a repetition that comes too early is told so. What a repetition that comes
// later gets is the store's affair: key, hash and messages are written in one transaction.
type runningKeys struct {
	mu  sync.Mutex
	all map[runningKey]struct{}
}

// A runningKey is one of POST /v1/messages, or with a blank and what follows of another route.
type runningKey struct{ account, key string }

// begin is false while another request with the key runs; else end must follow.
func (k *runningKeys) begin(account, key string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, runs := k.all[runningKey{account, key}]; runs {
		return false
	}
	if k.all == nil {
		k.all = map[runningKey]struct{}{}
	}
	k.all[runningKey{account, key}] = struct{}{}
	return true
}

func (k *runningKeys) end(account, key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.all, runningKey{account, key})
}

func keyRunning() error {
	p := api.NewProblem(http.StatusConflict, api.CodeKeyRunning, "The first request with this idempotency key is still being answered", "")
	p.Errors = []api.FieldError{{Field: api.IdempotencyKey, Code: api.FieldConflict, Message: "is in use at this moment; ask again"}}
	return p
}

// maxKey is the longest Idempotency-Key, in bytes.
const maxKey = 255

// idempotencyKey returns the key of a request, "" when it has none.
func idempotencyKey(h http.Header) (string, error) {
	values := h[textproto.CanonicalMIMEHeaderKey(api.IdempotencyKey)]
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", badParameter(api.IdempotencyKey, api.FieldDuplicate, "comes twice")
	}
	return values[0], checkKey(values[0])
}

// checkKey tells whether a key has 1 to 255 visible ASCII characters.
func checkKey(key string) error {
	if key == "" {
		return badParameter(api.IdempotencyKey, api.FieldRequired, "is empty; leave the header out or give 1 to 255 visible ASCII characters")
	}
	if len(key) > maxKey {
		return badParameter(api.IdempotencyKey, api.FieldTooLong, "is longer than 255 characters")
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return badParameter(api.IdempotencyKey, api.FieldInvalid, "has a character that is not visible ASCII")
		}
	}
	return nil
}

// requestHash tells two requests under one key apart. It covers the method and path, so a key that was used on one route is refused on another.
func requestHash(method, path string, body []byte) (sum [32]byte) {
	h := sha256.New()
	h.Write([]byte(method + " " + path + "\n"))
	h.Write(body)
	h.Sum(sum[:0])
	return sum
}
