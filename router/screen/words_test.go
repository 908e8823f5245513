package screen

import "testing"

func TestWords(t *testing.T) {
	w := NewWords(nil, WordLists{Stop: []string{"Kein Newsletter"}, Start: []string{"doch"}, Help: []string{"wer?"}})
	for text, want := range map[string]Wish{
		"STOP": Stop, "stop": Stop, " Stop. thanks": Stop, "Stop!!!": Stop, "ＳＴＯＰ": Stop, "Stop please, thank you": Stop, "opt out": Stop, "Opt-Out": Stop, "STOPALL": Stop,
		"please stop": Stop, "unsubscribe": Stop, "Quit": Stop, "END": Stop, "revoke": Stop, "cancel": Stop, "Kündigen": Stop, "KUENDIGEN": NoWish, "kundigen": Stop, "arrêt svp": Stop, "ARRET": Stop,
		"стоп": Stop, "Стоп, спасибо": Stop, "kein newsletter bitte": Stop, "s\u200Btop": Stop,
		"START": Start, "yes": Start, "unstop": Start, "doch": Start, "HELP": Help, "info": Help, "Hilfe": Help, "Wer": Help,
		"stop by the shop tomorrow": Suspect, "can you stop sending me this": Suspect, "please remove me from this list": Suspect, "I want to unsubscribe from this": Suspect, "Lassen Sie mich in Ruhe": Suspect,
		"": NoWish, "???": NoWish, "hello there": NoWish, "nonstop party": NoWish, "wake host1": NoWish, "thanks": NoWish,
	} {
		if got, word := w.Read(text); got != want || (word == "") != (want == NoWish) {
			t.Errorf("%q: %s (%q), want %s", text, got, word, want)
		}
	}
	only := NewWords([]string{"en"}, WordLists{})
	if got, _ := only.Read("kündigen"); got != NoWish {
		t.Errorf("a word of a language that is not set: %s", got)
	}
}

// Every word of every language does what it is for, and what is in two languages is a stop.
func TestEveryWord(t *testing.T) {
	w := NewWords(nil, WordLists{})
	for code, l := range languageWords() {
		for _, word := range l.stop {
			if got, _ := w.Read(word); got != Stop {
				t.Errorf("%s %q: %s", code, word, got)
			}
		}
		for _, word := range append(l.start, l.help...) {
			if got, _ := w.Read(word); got == NoWish || got == Suspect {
				t.Errorf("%s %q: %s", code, word, got)
			}
		}
		for _, phrase := range l.suspect {
			if got, _ := w.Read("hello you, " + phrase + " or I call the police"); got != Suspect {
				t.Errorf("%s %q: %s", code, phrase, got)
			}
		}
	}
	if len(Languages()) != len(languageWords()) {
		t.Error("languages are missing")
	}
}

// FuzzWords: no text is taken for two things, and politeness changes nothing.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"STOP", "Stop. thanks", "ＳＴＯＰ", "стоп", "please", "\xff\xfe", "s'top"} {
		f.Add(s)
	}
	w := NewWords(nil, WordLists{})
	f.Fuzz(func(t *testing.T, s string) {
		wish, word := w.Read(s)
		if (wish == NoWish) != (word == "") {
			t.Fatalf("%q: %s in %q", s, wish, word)
		}
		if again, _ := w.Read(word); (wish == Stop || wish == Start || wish == Help) && again != wish {
			t.Fatalf("%q: %s in %q, which is %s", s, wish, word, again)
		}
	})
}
