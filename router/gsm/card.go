package gsm

import (
	"context"

	"trunkline/store"
)

// LastCard returns the ICCID of the card that was in the modem of a trunk when it was last up, "" when none is remembered.
func LastCard(ctx context.Context, s *store.Store, trunk string) (string, error) {
	iccid, err := s.Remembered(ctx, cardKey(trunk))
	return string(iccid), err
}

// rememberCard notes which card is in the modem, so that another one is noticed even after a new start.
func (c *chronicle) rememberCard(ctx context.Context) {
	iccid := c.modem.Status().ICCID
	if iccid == "" || iccid == c.card {
		return
	}
	if err := c.store.Remember(ctx, cardKey(c.name), []byte(iccid)); err != nil {
		if ctx.Err() == nil {
			c.log.Error("the card could not be remembered", "err", err)
		}
		return
	}
	c.card = iccid
}

func cardKey(trunk string) string { return "card/" + trunk }
