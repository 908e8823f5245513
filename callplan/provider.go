package callplan

import (
	"bytes"
	"encoding/json"
)

// WithProvider returns a document of a plan that says that it is of a service provider. One that says so already, that names none, or that is no JSON object is
// returned as it is; all else in it stays as it was written.
func WithProvider(doc []byte, name string) []byte {
	d := json.NewDecoder(bytes.NewReader(doc))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return doc
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return doc
		}
		behind := int(d.InputOffset())
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return doc
		}
		if key != "service_provider" {
			continue
		}
		var old string
		if json.Unmarshal(value, &old) != nil || old == name {
			return doc
		}
		end := int(d.InputOffset())
		text, err := json.Marshal(name)
		if err != nil || end-len(value) < behind {
			return doc
		}
		return bytes.Join([][]byte{doc[:end-len(value)], text, doc[end:]}, nil)
	}
	return doc
}
