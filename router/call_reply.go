package router

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/callplan/phone"
	"trunkline/router/screen"
	"trunkline/store"
)

// Why a caller is not written back to, store.CallReply.Refused. Verdicts of screening are told by their own codes.
const (
	ReplyWithheld = "withheld"     // the number is not known
	ReplyNational = "national"     // it has no country code, and call.country_code is not set
	ReplyShort    = "short"        // it is too short for a subscriber's, or a name
	ReplyCaller   = "caller_limit" // the caller got a message lately
	ReplyLine     = "line_limit"   // the trunk has written back often enough in this hour
	ReplyFailed   = "not_accepted" // the message was refused
)

// shortestSubscriber is how many digits the number of a subscriber has at least, with its country code: shorter ones are service codes.
const shortestSubscriber = 8

// backWords are the outcomes after which somebody may be written back to, in the words of sms_back_on.
var backWords = map[string]string{store.CallMissed: CallMissedBack, store.CallRejected: CallRejectedBack, store.CallAnswered: CallAnsweredBack}

// writeBack sends a text to a caller whose call was not taken, when that is configured. At most one is sent for a call, also over a crash.
func (c *Calls) writeBack(ctx context.Context, r store.CDR, treatment string) {
	plan := ""
	if r.Decision != nil {
		plan = r.Decision.Plan
	}
	config := c.config.Load()
	rules := config.of(r.Trunk, plan)
	word := backWords[r.Outcome]
	if rules.SMSBack == "" || c.o.Submit == nil || !slices.Contains(rules.SMSBackOn, word) || word == CallAnsweredBack && treatment != TreatAnswer {
		return
	}
	c.reply.Lock()
	defer c.reply.Unlock()
	to, refused := replyNumber(r.Number, config.CountryCode)
	var err error
	if refused == "" {
		if v, err := c.policy.Load().Outgoing(&screen.Lists{}, screen.Query{Number: to, Provider: r.Provider}); err != nil || !v.Authorized {
			refused = v.Code
		}
	}
	if refused == "" {
		refused, err = c.replyLimit(ctx, &r, config)
	}
	if err == nil {
		err = c.answerCaller(ctx, &r, to, rules.SMSBack, refused)
	}
	if err != nil && ctx.Err() == nil {
		c.log.Error("a caller could not be written back to", "trunk", r.Trunk, "call", r.ID, "err", err)
	}
}

// answerCaller notes what becomes of a message before it is made, and what became of it.
func (c *Calls) answerCaller(ctx context.Context, r *store.CDR, to phone.Number, text, refused string) error {
	already := false
	_, err := c.o.Store.ChangeCall(ctx, r.ID, func(r *store.CDR) (store.Event, error) {
		if already = r.Reply != nil; !already {
			r.Reply = &store.CallReply{At: c.o.Store.Now(), Refused: refused}
		}
		return store.Event{}, nil
	})
	if err != nil || already {
		return err
	}
	if refused != "" {
		c.metrics.replies.WithLabelValues(r.Trunk, "refused").Inc()
		return nil
	}
	accepted, failed := c.o.Submit(ctx, Submission{Account: "call:" + r.Trunk, Provider: r.Provider, To: []string{to.String()}, Text: text, Trunk: r.Trunk, Tag: "call", ValidFor: time.Hour,
		IdempotencyKey: r.ID.String()})
	_, err = c.o.Store.ChangeCall(ctx, r.ID, func(r *store.CDR) (store.Event, error) {
		if r.Reply == nil {
			r.Reply = &store.CallReply{At: c.o.Store.Now()}
		}
		if failed != nil {
			r.Reply.Refused = ReplyFailed
			r.Note(c.o.Store.Now(), "sms_back_failed", clip(failed.Error()))
			return store.Event{}, nil
		}
		r.Reply.Message = accepted.Messages[0].ID
		return store.Event{Type: "call.replied", At: r.Reply.At, Reference: -1, Trunk: r.Trunk, Number: r.Number, Text: "message " + r.Reply.Message.String()}, nil
	})
	if failed != nil {
		c.metrics.replies.WithLabelValues(r.Trunk, "refused").Inc()
		return fmt.Errorf("submit: %w", failed)
	}
	c.metrics.replies.WithLabelValues(r.Trunk, "sent").Inc()
	return err
}

// replyNumber returns the number that a caller can be written back to, or why there is none.
func replyNumber(n phone.Number, country string) (to phone.Number, refused string) {
	s := n.String()
	switch {
	case n.IsZero():
		return to, ReplyWithheld
	case n.Kind() == phone.Alphanumeric || strings.ContainsAny(s, "*#"):
		return to, ReplyShort
	case strings.HasPrefix(s, "00"):
		s = "+" + s[2:]
	case country == "1" && !strings.HasPrefix(s, "+") && len(s) == 10:
		s = "+1" + s
	case country != "" && strings.HasPrefix(s, "0"):
		s = "+" + country + s[1:]
	}
	if len(s) < shortestSubscriber {
		return to, ReplyShort
	}
	if !strings.HasPrefix(s, "+") {
		return to, ReplyNational
	}
	to, err := phone.Parse(s)
	if err != nil || len(s)-1 < shortestSubscriber {
		return to, ReplyShort
	}
	return to, ""
}

// replyLimit tells whether a caller, or everybody on a trunk, was written back to often enough. The records of calls tell, so that it holds over restarts.
func (c *Calls) replyLimit(ctx context.Context, r *store.CDR, config *CallConfig) (refused string, err error) {
	now := c.o.Store.Now()
	hour, caller := now.Add(-time.Hour), now.Add(-config.SMSBackEvery)
	q := store.CDRQuery{Kind: store.CDRVoice, Direction: store.In, Since: hour, Limit: 1000}
	if caller.Before(hour) {
		q.Since = caller
	}
	q.Since = q.Since.Add(-longestCall) // a call that began before may have been replied to since
	inHour := 0
	for {
		page, err := c.o.Store.CDRs(ctx, q)
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			k := &page.Items[i]
			if k.ID == r.ID || k.Reply == nil || k.Reply.Refused != "" {
				continue
			}
			if k.Reply.At.After(caller) && k.Number.SameLine(r.Number) {
				return ReplyCaller, nil
			}
			if k.Reply.At.After(hour) && k.Trunk == r.Trunk {
				inHour++
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	if inHour >= config.SMSBackPerHour {
		return ReplyLine, nil
	}
	return "", nil
}

// longestCall is how long a call that is replied to lasts at most: it rang, or was hung up at once.
const longestCall = 10 * time.Minute
