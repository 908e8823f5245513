package screen

import (
	"slices"
	"strings"
	"unicode"

	"github.com/gosimple/unidecode"
)

// Wish is what a text asks for with one of the words that carriers and laws give a meaning.
type Wish uint8

const (
	NoWish  Wish = iota
	Stop         // no more messages; 47 CFR 64.1200(a)(10)
	Start        // messages again
	Help         // who are you?
	Suspect      // perhaps a wish to be left alone, in other words: a person should read it
)

var wishNames = [...]string{NoWish: "none", Stop: "stop", Start: "start", Help: "help", Suspect: "suspect"}

func (w Wish) String() string {
	if int(w) < len(wishNames) {
		return wishNames[w]
	}
	return ""
}

// Words knows which texts carry a Wish. It is not changed after NewWords.
type Words struct {
	exact   map[string]Wish // folded phrase → wish
	filler  map[string]bool // folded words that change nothing
	phrases [][]string      // folded words whose presence makes a Suspect
	longest int             // words of the longest phrase
}

// WordLists are further words, beside those of the languages.
type WordLists struct{ Stop, Start, Help []string }

// maxWishText bounds what is looked at, in bytes: a longer text is no such wish.
const maxWishText = 480

// maxFiller is how many words may follow or precede a word without changing what it means.
const maxFiller = 3

// NewWords returns the words of some languages, by their codes as "en"; none: of all that are known.
func NewWords(languages []string, more WordLists) *Words {
	w := &Words{exact: map[string]Wish{}, filler: map[string]bool{}}
	var all language
	for code, l := range languageWords() {
		if len(languages) > 0 && !slices.Contains(languages, code) {
			continue
		}
		all.help, all.start, all.stop = append(all.help, l.help...), append(all.start, l.start...), append(all.stop, l.stop...)
		for _, f := range l.filler {
			w.filler[strings.Join(foldWords(f), " ")] = true
		}
		for _, p := range l.suspect {
			w.phrases = append(w.phrases, foldWords(p))
		}
	}
	w.add(Help, append(all.help, more.Help...))
	w.add(Start, append(all.start, more.Start...))
	w.add(Stop, append(all.stop, more.Stop...)) // last: what means two things is a stop
	slices.SortFunc(w.phrases, slices.Compare)  // so that the same words are named each time
	return w
}
func (w *Words) add(wish Wish, phrases []string) {
	for _, p := range phrases {
		words := foldWords(p)
		if len(words) == 0 {
			continue
		}
		w.exact[strings.Join(words, " ")] = wish
		w.longest = max(w.longest, len(words))
		if wish == Stop {
			w.phrases = append(w.phrases, words)
		}
	}
}

// Languages returns the codes of the languages whose words are known, in order.
func Languages() []string {
	var all []string
	for code := range languageWords() {
		all = append(all, code)
	}
	slices.Sort(all)
	return all
}

// Read tells what a text asks for, and in which words. Case, width, accents, punctuation and up to three words of politeness do not matter: "Stop. thanks"
// is a Stop. A short text that has the words of a Stop among others is a Suspect.
func (w *Words) Read(text string) (Wish, string) {
	if len(text) > maxWishText {
		return NoWish, ""
	}
	words := foldWords(text)
	if len(words) == 0 {
		return NoWish, ""
	}
	// Politeness at the beginning and the end says nothing.
	from, to := 0, len(words)
	for from < to-1 && from < maxFiller && w.filler[words[from]] {
		from++
	}
	for dropped := 0; to > from; dropped++ {
		if to-from <= w.longest {
			phrase := strings.Join(words[from:to], " ")
			if wish := w.exact[phrase]; wish != NoWish {
				return wish, phrase
			}
		}
		if dropped == maxFiller || !w.filler[words[to-1]] {
			break
		}
		to--
	}
	for _, p := range w.phrases {
		if contains(words, p) {
			return Suspect, strings.Join(p, " ")
		}
	}
	return NoWish, ""
}

func contains(words, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(words); i++ {
		if slices.Equal(words[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}

// foldWords returns the words of a text in small letters without accents; what is no letter and no digit parts them. Letters of other scripts stay.
func foldWords(s string) []string {
	var b strings.Builder
	for _, r := range s {
		if r >= 0xFF01 && r <= 0xFF5E { // full width forms of ASCII
			r -= 0xFEE0
		}
		switch {
		case r == '\'' || r == '’' || r == '`' || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r):
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Latin, r):
			b.WriteString(strings.ToLower(unidecode.Unidecode(string(r))))
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Fields(b.String())
}
