package router

import (
	"time"

	"trunkline/callplan/phone"
	"trunkline/store"
)

// composeMail makes a mail: a message that only the trunk of kind smtp with this name carries, to an address instead of a number.
func composeMail(account, provider, trunk, to, subject, text string, at time.Time) store.Message {
	return store.Message{ID: store.NewMessageID(), Direction: store.Out, State: store.Waiting, To: phone.FromAddress(to, true), Subject: plainText(subject), Text: text, Account: account, Provider: provider,
		Pin: trunk, Priority: usualPriority, CreatedAt: at, Parts: []store.Part{{Seq: 1, State: store.Waiting, Reference: -1, Status: -1}}}
}
