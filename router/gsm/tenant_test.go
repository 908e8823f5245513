package gsm

import (
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/modem/emulator"
	"trunkline/store"
)

// What comes in belongs to the service provider of its trunk from the moment that it is stored, a text in parts too; another one never sees it.
func TestReceivedBelongsToTheProviderOfTheTrunk(t *testing.T) {
	inBubble(t, emulator.NetworkOptions{}, func(r *rig) {
		ctx := t.Context()
		texts := func(provider string) (all []string) {
			t.Helper()
			page, err := r.store.Messages(ctx, store.Query{Direction: store.In, Provider: provider, Ascending: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Items {
				all = append(all, m.Text)
			}
			return all
		}
		long := strings.Repeat("the whole story, ", 20)
		for provider, sent := range map[string][]string{"acme": {"for acme", long}, "other": {"for the other"}, "": {"for nobody in particular"}} {
			r.stop()
			r.provider = provider
			r.start()
			for _, text := range sent {
				if err := r.phone.Send(ctx, own, text); err != nil {
					t.Fatal(err)
				}
				time.Sleep(minutes)
			}
		}
		for provider, want := range map[string][]string{"acme": {"for acme", long}, "other": {"for the other"}, store.DefaultProvider: {"for nobody in particular"}, "nobody": nil} {
			if got := texts(provider); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", provider, got, want)
			}
		}
		if got := texts(""); len(got) != 4 {
			t.Errorf("all: %q", got)
		}
	})
}
