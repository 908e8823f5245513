package store

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"

	"trunkline/callplan/phone"
)

func fullMeta() Meta {
	at := func(n int) time.Time { return time.Date(2026, 11, 21, 12, 0, n, n, time.UTC) }
	return Meta{UUID: uuid.UUID{1, 15: 2}, Provider: "acme", CreatedAt: at(1), UpdatedAt: at(2), CreatedBy: "uid:1", UpdatedBy: "uid:2", ArchivedAt: at(3)}
}

func fullSubscriber() *Subscriber {
	return &Subscriber{Meta: fullMeta(), Name: "smith", DisplayName: "Smith", FirstName: "Al", LastName: "Smith", Email: "a@example.com", Address: "Main St", Phone: "+1", Notes: "grüße",
		Numbers: []phone.Number{phone.FromAddress("+12055550100", false), phone.FromAddress("4711", false)}, ContactID: 7}
}

func fullCalendar() *Calendar {
	return &Calendar{Meta: fullMeta(), Name: "us", Days: []string{"2026/07/04", "2026/12/25"}, Notes: "n"}
}

// The octets of a record are a promise, what a later version adds is passed over, and every field is in the codec.
func TestGoldenSubscriberAndCalendar(t *testing.T) {
	path := filepath.Join("testdata", "subscriber.golden")
	s, c := fullSubscriber(), fullCalendar()
	for _, v := range []reflect.Value{reflect.ValueOf(*s), reflect.ValueOf(*c)} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s is not set", v.Type().Field(i).Name)
			}
		}
	}
	got := hex.EncodeToString(appendSubscriber(nil, s)) + "\n" + hex.EncodeToString(appendCalendar(nil, c)) + "\n"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != got {
		t.Errorf("records changed, %v:\n%swant\n%s", err, got, want)
	}
	later := protowire.AppendString(protowire.AppendTag(nil, 1000, protowire.BytesType), "later")
	if back, err := decodeSubscriber(append(appendSubscriber(nil, s), later...)); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("%+v, %v\nwant %+v", back, err, s)
	}
	if back, err := decodeCalendar(append(appendCalendar(nil, c), later...)); err != nil || !reflect.DeepEqual(back, c) {
		t.Errorf("%+v, %v\nwant %+v", back, err, c)
	}
}

// FuzzSubscriber: what can be decoded is encoded to what decodes the same.
func FuzzSubscriber(f *testing.F) {
	f.Add(appendSubscriber(nil, fullSubscriber()), appendCalendar(nil, fullCalendar()))
	f.Fuzz(func(t *testing.T, subscriber, calendar []byte) {
		if s, err := decodeSubscriber(subscriber); err == nil {
			b := appendSubscriber(nil, s)
			if again, err := decodeSubscriber(b); err != nil || !bytes.Equal(appendSubscriber(nil, again), b) {
				t.Errorf("%+v and %+v, %v", s, again, err)
			}
		}
		if c, err := decodeCalendar(calendar); err == nil {
			b := appendCalendar(nil, c)
			if again, err := decodeCalendar(b); err != nil || !bytes.Equal(appendCalendar(nil, again), b) {
				t.Errorf("%+v and %+v, %v", c, again, err)
			}
		}
	})
}
