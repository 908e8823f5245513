package gsm

import (
	"fmt"
	"time"

	"trunkline/pdu"
	"trunkline/store"
)

// Assembler joins the parts of long messages for the store. It is pure.
type Assembler struct{}

// Add puts a part into the state of its set.
func (Assembler) Add(state, raw []byte, at time.Time) (store.Assembly, error) {
	set, err := load(state)
	if err != nil {
		return store.Assembly{}, err
	}
	m, err := pdu.Decode(raw, pdu.MobileTerminated, true)
	if err != nil {
		return store.Assembly{}, fmt.Errorf("decode part: %w", err)
	}
	done, result := set.AddRaw(m, raw, at)
	out := store.Assembly{Complete: contents(done)}
	if result == pdu.Conflict {
		out.Note = "udh.concat"
	}
	if out.State, err = set.MarshalBinary(); err != nil {
		return store.Assembly{}, fmt.Errorf("keep parts: %w", err)
	}
	return out, nil
}

// Flush returns what can be read of sets that will not be complete.
func (Assembler) Flush(state []byte) ([]store.Content, error) {
	set, err := load(state)
	if err != nil {
		return nil, err
	}
	return contents(set.Flush()), nil
}

func load(state []byte) (*pdu.Assembly, error) {
	set := new(pdu.Assembly)
	if state != nil {
		if err := set.UnmarshalBinary(state); err != nil {
			return nil, fmt.Errorf("read kept parts: %w", err)
		}
	}
	return set, nil
}

func contents(joined []pdu.Joined) []store.Content {
	var out []store.Content
	for _, j := range joined {
		out = append(out, store.Content{Text: j.Text, Data: j.Data, Raws: j.Raws, Missing: j.Missing, Total: j.Total})
	}
	return out
}
