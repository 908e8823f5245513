package config

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"listen", "socket", "metrics", "send_timeout", "pin_file"}
	for word, want := range map[string]string{"lisen": "listen", "litsen": "listen", "listens": "listen", "sockte": "socket", "sendtimeout": "send_timeout",
		"metric": "metrics", "port": "", "": "", "pin": "pin_file", "x": "", "pi": "", "send_time": "send_timeout", "send": "send_timeout"} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}, {"abcd", "acbd", 1}, {"same", "same", 0}} {
		if got, back := distance(c.a, c.b), distance(c.b, c.a); got != c.want || back != c.want {
			t.Errorf("distance(%q, %q) = %d and %d, want %d", c.a, c.b, got, back, c.want)
		}
	}
}
