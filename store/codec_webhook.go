package store

func appendWebhook(b []byte, w *Webhook) []byte {
	b = putString(b, 1, w.URL)
	b = putString(b, 2, w.Description)
	for _, t := range w.Types {
		b = putString(b, 3, t)
	}
	for _, s := range w.Secrets {
		b = putRecord(b, 4, func(b []byte) []byte {
			b = putBytes(b, 1, s.Key)
			b = putTime(b, 2, s.CreatedAt)
			return putTime(b, 3, s.ExpiresAt)
		})
	}
	b = putTime(b, 5, w.CreatedAt)
	b = putTime(b, 6, w.UpdatedAt)
	if p := w.Pause; p != nil {
		b = putRecord(b, 7, func(b []byte) []byte {
			b = putString(b, 1, p.Code)
			b = putString(b, 2, p.Text)
			return putTime(b, 3, p.At)
		})
	}
	return putTime(b, 8, w.ArchivedAt)
}

func decodeWebhook(id WebhookID, payload []byte) (*Webhook, error) {
	w := &Webhook{ID: id}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			w.URL = f.string()
		case 2:
			w.Description = f.string()
		case 3:
			w.Types = append(w.Types, f.string())
		case 4:
			s, err := decodeSecret(f.bytes())
			if err != nil {
				return nil, err
			}
			w.Secrets = append(w.Secrets, s)
		case 5:
			w.CreatedAt = f.time()
		case 6:
			w.UpdatedAt = f.time()
		case 7:
			p, err := decodePause(f.bytes())
			if err != nil {
				return nil, err
			}
			w.Pause = p
		case 8:
			w.ArchivedAt = f.time()
		}
	}
	return w, f.err
}

func decodeSecret(b []byte) (s WebhookSecret, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			s.Key = f.clone()
		case 2:
			s.CreatedAt = f.time()
		case 3:
			s.ExpiresAt = f.time()
		}
	}
	return s, f.err
}

func decodePause(b []byte) (*Pause, error) {
	p := new(Pause)
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			p.Code = f.string()
		case 2:
			p.Text = f.string()
		case 3:
			p.At = f.time()
		}
	}
	return p, f.err
}

func appendCursor(b []byte, c *WebhookCursor) []byte {
	b = putUint(b, 1, c.Position)
	b = putTime(b, 2, c.MovedAt)
	b = putTime(b, 3, c.FailingSince)
	return putUint(b, 4, c.MovedTo)
}

func decodeCursor(payload []byte) (*WebhookCursor, error) {
	c := new(WebhookCursor)
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			c.Position = f.uint()
		case 2:
			c.MovedAt = f.time()
		case 3:
			c.FailingSince = f.time()
		case 4:
			c.MovedTo = f.uint()
		}
	}
	return c, f.err
}

func appendDelivery(b []byte, d *Delivery) []byte {
	b = putRecord(b, 1, func(b []byte) []byte { return appendEvent(b, &d.Event) })
	b = putUint(b, 2, uint64(d.State))
	b = putTime(b, 3, d.CreatedAt)
	b = putTime(b, 4, d.NextAt)
	b = putTime(b, 5, d.SettledAt)
	b = putUint(b, 6, uint64(d.Tries))
	for i := range d.Log {
		b = putRecord(b, 7, func(b []byte) []byte { return appendTry(b, &d.Log[i]) })
	}
	return b
}

func appendTry(b []byte, t *DeliveryTry) []byte {
	b = putTime(b, 1, t.At)
	b = putUint(b, 2, uint64(max(t.Took, 0)))
	b = putUint(b, 3, uint64(t.Status))
	b = putString(b, 4, t.Error)
	return putBytes(b, 5, t.Answer)
}

func decodeDelivery(webhook WebhookID, seq uint64, payload []byte) (*Delivery, error) {
	d := &Delivery{Webhook: webhook}
	f := fields{rest: payload}
	for f.next() {
		switch f.num {
		case 1:
			e, err := decodeEvent(seq, f.bytes())
			if err != nil {
				return nil, err
			}
			d.Event = *e
		case 2:
			d.State = DeliveryState(f.octet())
		case 3:
			d.CreatedAt = f.time()
		case 4:
			d.NextAt = f.time()
		case 5:
			d.SettledAt = f.time()
		case 6:
			d.Tries = f.small()
		case 7:
			t, err := decodeTry(f.bytes())
			if err != nil {
				return nil, err
			}
			d.Log = append(d.Log, t)
		}
	}
	return d, f.err
}

func decodeTry(b []byte) (t DeliveryTry, err error) {
	f := fields{rest: b}
	for f.next() {
		switch f.num {
		case 1:
			t.At = f.time()
		case 2:
			t.Took = f.duration()
		case 3:
			t.Status = f.small()
		case 4:
			t.Error = f.string()
		case 5:
			t.Answer = f.clone()
		}
	}
	return t, f.err
}
