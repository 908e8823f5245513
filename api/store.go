package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
)

// BackupSum is the trailer behind a backup: the SHA-256 of its octets in hex. A backup without it is not complete.
const BackupSum = "Trunkline-Sha256"

// Released is the answer to POST /v1/store/release.
type Released struct {
	Released int `json:"released" doc:"how many messages wait again that a restore had held"`
}

// Backup writes a copy of the daemon's database, as it is at this moment, to w, and returns its size and SHA-256. It has everything that was accepted before
// the call. With an error what was written is of no use.
func (c *Client) Backup(ctx context.Context, w io.Writer) (bytes int64, sum string, err error) {
	resp, err := c.send(ctx, http.MethodGet, "/v1/store/backup", nil, nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), resp.Body)
	if err != nil {
		return n, "", fmt.Errorf("read backup: %w", err)
	}
	sum = hex.EncodeToString(h.Sum(nil))
	if told := resp.Trailer.Get(BackupSum); told != sum {
		return n, "", fmt.Errorf("read backup: what came has SHA-256 %s, the daemon sent %s", sum, told)
	}
	return n, sum, nil
}

// ReleaseRestored lets all messages go that a restore holds, and returns how many.
func (c *Client) ReleaseRestored(ctx context.Context) (int, error) {
	var out Released
	_, err := c.call(ctx, http.MethodPost, "/v1/store/release", nil, nil, &out)
	return out.Released, err
}
