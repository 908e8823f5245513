// Package enginetest holds the one suite that every engine of the store has to pass.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"trunkline/store"
)

const table store.Table = "table"

// Run runs the suite. open returns a new, empty engine and a function that closes it as a crash-free end does and opens the same content again.
func Run(t *testing.T, open func(t *testing.T) (e store.Engine, reopen func(t *testing.T) store.Engine)) {
	for _, test := range []struct {
		name string
		fn   func(*testing.T, store.Engine)
	}{
		{"Values", values}, {"Order", order}, {"Bounds", bounds}, {"First", first}, {"Stop", stop}, {"OwnWrites", ownWrites}, {"Failing", failing}, {"FailingDirty", failingDirty},
		{"Isolation", isolation}, {"Concurrent", concurrent}, {"PoisonedBatch", poisonedBatch}, {"Each", each}, {"Context", contexts}, {"Aliasing", aliasing}, {"Large", large},
		{"Ended", ended}, {"Tables", tables}, {"Panic", panics},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, _ := open(t)
			test.fn(t, e)
		})
	}
	t.Run("Reopen", func(t *testing.T) {
		e, again := open(t)
		put(t, e, "a", "1", "b", "2")
		update(t, e, func(tx store.Tx) error { return tx.Delete(table, []byte("a")) })
		e = again(t)
		if got := all(t, e); !slices.Equal(got, []string{"b=2"}) {
			t.Errorf("after reopen: %q", got)
		}
		put(t, e, "c", "3")
	})
	t.Run("Closed", func(t *testing.T) {
		e, _ := open(t)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if err := e.Update(t.Context(), func(store.Tx) error { return nil }); err == nil {
			t.Error("Update after Close succeeded")
		}
		if err := e.View(t.Context(), func(store.Reader) error { return nil }); err == nil {
			t.Error("View after Close succeeded")
		}
	})
}

func update(t *testing.T, e store.Engine, fn func(store.Tx) error) {
	t.Helper()
	if err := e.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, e store.Engine, pairs ...string) {
	t.Helper()
	update(t, e, func(tx store.Tx) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := tx.Put(table, []byte(pairs[i]), []byte(pairs[i+1])); err != nil {
				return err
			}
		}
		return nil
	})
}

func scan(r store.Reader, from, to []byte, reverse bool, limit int) ([]string, error) {
	var got []string
	err := r.Scan(table, from, to, reverse, func(k, v []byte) (bool, error) {
		got = append(got, string(k)+"="+string(v))
		return len(got) != limit, nil
	})
	return got, err
}

func all(t *testing.T, e store.Engine) (got []string) {
	t.Helper()
	err := e.View(t.Context(), func(r store.Reader) (err error) {
		got, err = scan(r, nil, nil, false, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func values(t *testing.T, e store.Engine) {
	put(t, e, "k", "v", "empty", "")
	update(t, e, func(tx store.Tx) error { return tx.Put(table, []byte("nil"), nil) })
	err := e.View(t.Context(), func(r store.Reader) error {
		for _, test := range []struct {
			key  string
			want string
			has  bool
		}{{"k", "v", true}, {"empty", "", true}, {"nil", "", true}, {"absent", "", false}, {"", "", false}} {
			got, err := r.Get(table, []byte(test.key))
			if err != nil || (got != nil) != test.has || string(got) != test.want {
				t.Errorf("Get(%q) = %q (nil: %v), %v; want %q, present %v", test.key, got, got == nil, err, test.want, test.has)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, e, "k", "new")
	if got := all(t, e); !slices.Equal(got, []string{"empty=", "k=new", "nil="}) {
		t.Errorf("after overwriting: %q", got)
	}
	if err := e.Update(t.Context(), func(tx store.Tx) error { return tx.Put(table, nil, []byte("v")) }); err == nil {
		t.Error("Put with an empty key succeeded")
	}
	update(t, e, func(tx store.Tx) error { return tx.Delete(table, []byte("absent")) })
}

func order(t *testing.T, e store.Engine) {
	keys := [][]byte{{0}, {0, 0}, {0, 1}, {1}, {0x7F}, {0x80}, {0xFF}, {0xFF, 0}, {0xFF, 0xFF}}
	update(t, e, func(tx store.Tx) error {
		for _, i := range []int{4, 8, 0, 6, 2, 7, 1, 5, 3} {
			if err := tx.Put(table, keys[i], []byte{byte(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, reverse := range []bool{false, true} {
		var got [][]byte
		err := e.View(t.Context(), func(r store.Reader) error {
			return r.Scan(table, nil, nil, reverse, func(k, _ []byte) (bool, error) {
				got = append(got, bytes.Clone(k))
				return true, nil
			})
		})
		want := slices.Clone(keys)
		if reverse {
			slices.Reverse(want)
		}
		if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("reverse %v: %x, %v; want %x", reverse, got, err, want)
		}
	}
}

// bounds compares every pair of bounds with what a sorted list gives.
func bounds(t *testing.T, e store.Engine) {
	var keys []string
	for i := 0; i < 40; i += 2 {
		keys = append(keys, fmt.Sprintf("%02d", i))
		put(t, e, keys[len(keys)-1], "")
	}
	err := e.View(t.Context(), func(r store.Reader) error {
		for from := -1; from <= 41; from++ {
			for to := -1; to <= 41; to++ {
				var a, b []byte
				if from >= 0 {
					a = fmt.Appendf(nil, "%02d", from)
				}
				if to >= 0 {
					b = fmt.Appendf(nil, "%02d", to)
				}
				for _, reverse := range []bool{false, true} {
					var want []string
					for _, k := range keys {
						if (a == nil || k >= string(a)) && (b == nil || k < string(b)) {
							want = append(want, k+"=")
						}
					}
					if reverse {
						slices.Reverse(want)
					}
					if got, err := scan(r, a, b, reverse, 0); err != nil || !slices.Equal(got, want) {
						t.Errorf("Scan(%q, %q, reverse %v) = %q, %v; want %q", a, b, reverse, got, err, want)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// first: the first key with a prefix is what a scan finds first, whatever was written or deleted where.
func first(t *testing.T, e store.Engine) {
	put(t, e, "a", "0", "b1", "1", "b2", "2", "b3", "3", "d1", "4")
	look := func(r store.Reader) {
		t.Helper()
		for _, prefix := range []string{"", "a", "a1", "b", "b2", "b4", "c", "d", "d11", "e"} {
			want := ""
			err := r.Scan(table, []byte(prefix), nil, false, func(k, v []byte) (bool, error) {
				if bytes.HasPrefix(k, []byte(prefix)) {
					want = fmt.Sprintf("%s=%s", k, v)
				}
				return false, nil
			})
			k, v, err2 := r.First(table, []byte(prefix))
			got := fmt.Sprintf("%s=%s", k, v)
			if k == nil {
				got = ""
			}
			if got != want || (k == nil) != (v == nil) || err != nil || err2 != nil {
				t.Errorf("First(%q) = %q, want %q; %v %v", prefix, got, want, err, err2)
			}
		}
		if k, v, err := r.First("no such table", nil); k != nil || v != nil || err != nil {
			t.Errorf("of no table: %q %q %v", k, v, err)
		}
	}
	for _, change := range []func(store.Tx) error{
		func(store.Tx) error { return nil },
		func(tx store.Tx) error { return tx.Delete(table, []byte("b1")) },
		func(tx store.Tx) error { return tx.Put(table, []byte("b2"), []byte("two")) },
		func(tx store.Tx) error { return tx.Put(table, []byte("c"), nil) },
		func(tx store.Tx) error {
			return errors.Join(tx.Delete(table, []byte("b2")), tx.Delete(table, []byte("d1")))
		},
		func(tx store.Tx) error {
			return errors.Join(tx.Put(table, []byte("b0"), nil), tx.Put(table, []byte("e1"), nil))
		},
	} {
		update(t, e, func(tx store.Tx) error {
			err := change(tx)
			look(tx)
			return err
		})
		if err := e.View(t.Context(), func(r store.Reader) error { look(r); return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func stop(t *testing.T, e store.Engine) {
	put(t, e, "a", "", "b", "", "c", "")
	boom := errors.New("boom")
	err := e.View(t.Context(), func(r store.Reader) error {
		for _, reverse := range []bool{false, true} {
			if got, err := scan(r, nil, nil, reverse, 2); err != nil || len(got) != 2 {
				t.Errorf("reverse %v: stopped scan gave %q, %v", reverse, got, err)
			}
			calls := 0
			err := r.Scan(table, nil, nil, reverse, func(_, _ []byte) (bool, error) { calls++; return true, boom })
			if err != boom || calls != 1 {
				t.Errorf("reverse %v: failing scan gave %v after %d calls", reverse, err, calls)
			}
		}
		return boom
	})
	if err != boom {
		t.Errorf("View returned %v, want the function's error", err)
	}
}

// ownWrites: a transaction reads what it wrote itself.
func ownWrites(t *testing.T, e store.Engine) {
	put(t, e, "a", "1", "b", "2", "d", "4")
	update(t, e, func(tx store.Tx) error {
		if err := errors.Join(tx.Delete(table, []byte("a")), tx.Put(table, []byte("b"), []byte("two")), tx.Put(table, []byte("c"), []byte("3"))); err != nil {
			return err
		}
		want := []string{"b=two", "c=3", "d=4"}
		if got, err := scan(tx, nil, nil, false, 0); err != nil || !slices.Equal(got, want) {
			t.Errorf("inside: %q, %v; want %q", got, err, want)
		}
		slices.Reverse(want)
		if got, err := scan(tx, nil, nil, true, 0); err != nil || !slices.Equal(got, want) {
			t.Errorf("inside, reverse: %q, %v; want %q", got, err, want)
		}
		if v, err := tx.Get(table, []byte("a")); v != nil || err != nil {
			t.Errorf("deleted key: %q, %v", v, err)
		}
		return nil
	})
}

func failing(t *testing.T, e store.Engine) {
	boom := errors.New("boom")
	if err := e.Update(t.Context(), func(store.Tx) error { return boom }); err != boom {
		t.Errorf("error %v, want the function's own", err)
	}
	if err := e.View(t.Context(), func(r store.Reader) error {
		if w, ok := r.(store.Tx); ok && w.Put(table, []byte("k"), nil) == nil {
			t.Error("a View could write")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got := all(t, e); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

func failingDirty(t *testing.T, e store.Engine) {
	put(t, e, "kept", "1")
	boom := errors.New("boom")
	err := e.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Put(table, []byte("new"), nil), tx.Delete(table, []byte("kept")), tx.Put("other", []byte("k"), nil), boom)
	})
	if !errors.Is(err, boom) {
		t.Errorf("error %v, want the function's own", err)
	}
	if got := all(t, e); !slices.Equal(got, []string{"kept=1"}) {
		t.Errorf("after a failed update: %q", got)
	}
}

// isolation: a View sees one state, whatever is written meanwhile.
func isolation(t *testing.T, e store.Engine) {
	put(t, e, "a", "old")
	err := e.View(t.Context(), func(r store.Reader) error {
		done := make(chan error)
		go func() {
			done <- e.Update(context.Background(), func(tx store.Tx) error {
				return errors.Join(tx.Put(table, []byte("a"), []byte("new")), tx.Put(table, []byte("b"), nil))
			})
		}()
		if err := <-done; err != nil {
			return err
		}
		got, err := scan(r, nil, nil, false, 0)
		if !slices.Equal(got, []string{"a=old"}) {
			t.Errorf("the view changed to %q", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := all(t, e); !slices.Equal(got, []string{"a=new", "b="}) {
		t.Errorf("a new view sees %q", got)
	}
}

// concurrent: no increment of many is lost, and none is seen twice.
func concurrent(t *testing.T, e store.Engine) {
	const workers, each = 16, 25
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range each {
				err := e.Update(context.Background(), func(tx store.Tx) error {
					v, err := tx.Get(table, []byte("n"))
					if err != nil {
						return err
					}
					n := 0
					fmt.Sscan(string(v), &n)
					return tx.Put(table, []byte("n"), fmt.Append(nil, n+1))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got, want := all(t, e), fmt.Sprintf("n=%d", workers*each); !slices.Equal(got, []string{want}) {
		t.Errorf("%q, want %q", got, want)
	}
}

// poisonedBatch: updates that fail after writing leave no trace and harm none of those that ran beside them.
func poisonedBatch(t *testing.T, e store.Engine) {
	const workers = 60
	boom := errors.New("boom")
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			err := e.Update(context.Background(), func(tx store.Tx) error {
				if err := tx.Put(table, fmt.Appendf(nil, "%02d", i), nil); err != nil {
					return err
				}
				if i%3 == 0 {
					return boom
				}
				return nil
			})
			if i%3 == 0 && err != boom || i%3 != 0 && err != nil {
				t.Errorf("update %d: %v", i, err)
			}
		})
	}
	group.Wait()
	var want []string
	for i := range workers {
		if i%3 != 0 {
			want = append(want, fmt.Sprintf("%02d=", i))
		}
	}
	if got := all(t, e); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func contexts(t *testing.T, e store.Engine) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	if err := e.Update(ctx, func(store.Tx) error { ran = true; return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("Update: %v", err)
	}
	if err := e.View(ctx, func(store.Reader) error { ran = true; return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View: %v", err)
	}
	errs := make([]error, 2)
	fn := func(store.Tx) error { ran = true; return nil }
	e.UpdateEach(ctx, []func(store.Tx) error{fn, fn}, errs)
	for _, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("UpdateEach: %v", err)
		}
	}
	if ran {
		t.Error("a function ran though its context had ended")
	}
}

// each: updates that are given together have each their own outcome, in order, while others run beside them.
func each(t *testing.T, e store.Engine) {
	const callers, count = 8, 30
	boom := errors.New("boom")
	var group sync.WaitGroup
	for c := range callers {
		group.Go(func() {
			fns, errs := make([]func(store.Tx) error, count), make([]error, count)
			for i := range fns {
				errs[i] = errors.New("from before")
				fns[i] = func(tx store.Tx) error {
					if i%10 == 7 { // refuses before it writes
						return boom
					}
					if err := tx.Put(table, fmt.Appendf(nil, "%d/%02d", c, i), []byte{byte(i)}); err != nil {
						return err
					}
					switch i % 10 {
					case 3:
						return boom
					case 5:
						panic("bang")
					}
					return nil
				}
			}
			e.UpdateEach(context.Background(), fns, errs)
			for i, err := range errs {
				switch i % 10 {
				case 3, 7:
					if err != boom {
						t.Errorf("update %d: %v, want its own error", i, err)
					}
				case 5:
					if err == nil || err == boom {
						t.Errorf("update %d: %v, want its panic", i, err)
					}
				default:
					if err != nil {
						t.Errorf("update %d: %v", i, err)
					}
				}
			}
		})
	}
	group.Wait()
	if got, want := len(all(t, e)), callers*count*7/10; got != want {
		t.Errorf("%d were written, want %d", got, want)
	}
	e.UpdateEach(t.Context(), nil, nil)
}

// aliasing: what the engine returned stays as it was when the caller's slices change after the transaction.
func aliasing(t *testing.T, e store.Engine) {
	key, value := []byte("key"), []byte("value")
	update(t, e, func(tx store.Tx) error { return tx.Put(table, key, value) })
	copy(key, "xxx")
	copy(value, "xxxxx")
	put(t, e, "other", "1")
	if got := all(t, e); !slices.Equal(got, []string{"key=value", "other=1"}) {
		t.Errorf("%q", got)
	}
}

func large(t *testing.T, e store.Engine) {
	for _, n := range []int{1, 4095, 4096, 4097, 100_000, 3 << 20} {
		value := bytes.Repeat([]byte{byte(n)}, n)
		update(t, e, func(tx store.Tx) error { return tx.Put(table, []byte("k"), value) })
		err := e.View(t.Context(), func(r store.Reader) error {
			got, err := r.Get(table, []byte("k"))
			if !bytes.Equal(got, value) {
				t.Errorf("%d bytes came back as %d", n, len(got))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// ended: a transaction that got away does nothing.
func ended(t *testing.T, e store.Engine) {
	var away store.Tx
	update(t, e, func(tx store.Tx) error { away = tx; return tx.Put(table, []byte("k"), nil) })
	if err := away.Put(table, []byte("late"), nil); err == nil {
		t.Error("Put after the end succeeded")
	}
	if _, err := away.Get(table, []byte("k")); err == nil {
		t.Error("Get after the end succeeded")
	}
	if got := all(t, e); !slices.Equal(got, []string{"k="}) {
		t.Errorf("%q", got)
	}
}

func tables(t *testing.T, e store.Engine) {
	update(t, e, func(tx store.Tx) error {
		return errors.Join(tx.Put("one", []byte("k"), []byte("1")), tx.Put("two", []byte("k"), []byte("2")), tx.Delete("three", []byte("k")))
	})
	err := e.View(t.Context(), func(r store.Reader) error {
		for _, test := range []struct {
			table store.Table
			want  string
		}{{"one", "1"}, {"two", "2"}, {"three", ""}, {"on", ""}} {
			if got, err := r.Get(test.table, []byte("k")); err != nil || string(got) != test.want {
				t.Errorf("table %s: %q, %v", test.table, got, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// panics: a panic reaches the caller of Update, leaves nothing behind and the engine working.
func panics(t *testing.T, e store.Engine) {
	func() {
		defer func() {
			if p := recover(); p != "boom" {
				t.Errorf("recovered %v", p)
			}
		}()
		e.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.Put(table, []byte("k"), nil); err != nil {
				return err
			}
			panic("boom")
		})
	}()
	put(t, e, "after", "")
	if got := all(t, e); !slices.Equal(got, []string{"after="}) {
		t.Errorf("%q", got)
	}
}
