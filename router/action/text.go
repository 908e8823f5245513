// Package action reads the texts that start actions: a keyword and words behind it, or the encoded form that phone clients send. It is pure.
//
//	keyword form  = keyword { blank value }            the last argument takes the rest when it is a str
//	encoded form  = token ":" id { ":" index "," value { "," value } }
//
// The id is the number of the action, 0 being the request for a phone client's configuration; the index of an argument counts its name in alphabetical
// order from 0; the value of a list is the index of a choice from 0, a multilist has several of them.
package action

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// MaxText is how long a text may be that starts an action, in bytes; a longer one starts none.
const MaxText = 16 << 10

// Values are arguments by name, in canonical form. Optional ones that were not given are absent.
type Values map[string]string

// Keyword returns the first word of a text in small letters and what follows it. It is empty when the text does not begin with a word of a-z, 0-9, _ and -.
func Keyword(text string) (word, rest string) {
	text = strings.TrimSpace(text)
	n := 0
	for n < len(text) && (isDigit(text[n]) || isLetter(text[n]) || text[n] == '_' || text[n] == '-') {
		n++
	}
	if n == 0 || n > 32 || n < len(text) && text[n] != ' ' && text[n] != '\n' && text[n] != '\r' && text[n] != '\t' {
		return "", ""
	}
	return strings.ToLower(text[:n]), strings.TrimSpace(text[n:])
}

// IsKeyword tells whether s can be the keyword of an action.
func IsKeyword(s string) bool {
	word, rest := Keyword(s)
	return word == s && rest == ""
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// FromWords reads the arguments of the keyword form. The complaints are in order of the arguments; then the values are nil.
func FromWords(arguments []Argument, rest string) (Values, []Complaint) {
	values, complaints := Values{}, []Complaint(nil)
	words := strings.Fields(rest)
	for i := range arguments {
		a := &arguments[i]
		if len(words) == 0 {
			if a.Required {
				complaints = append(complaints, Complaint{a.Name, fmt.Sprintf("Action argument %s is required", a.Name)})
			}
			continue
		}
		word := words[0]
		if last := i == len(arguments)-1; last && (a.Type == Str || a.Type == "") {
			word, words = strings.Join(words, " "), nil
		} else {
			words = words[1:]
		}
		v, c := a.read(word)
		if c != nil {
			complaints = append(complaints, *c)
			continue
		}
		values[a.Name] = v
	}
	if len(words) > 0 {
		complaints = append(complaints, Complaint{"", fmt.Sprintf("Too many arguments: %q", clip(strings.Join(words, " ")))})
	}
	if complaints != nil {
		return nil, complaints
	}
	return values, nil
}

// Encoded is a text in encoded form.
type Encoded struct {
	Token string // proves which administrator's phone sends it; never kept
	ID    int64  // number of the action
	Given []Given
}

// Given is one argument of the encoded form.
type Given struct {
	Index  int
	Values []string
}

// maxToken is the longest token; those that are given out have eight characters.
const maxToken = 64

// ParseEncoded reads the encoded form; ok is false when the text has another form.
func ParseEncoded(text string) (e Encoded, ok bool) {
	text = strings.TrimSpace(text)
	token, rest, ok := strings.Cut(text, ":")
	if !ok || token == "" || len(token) > maxToken || strings.ContainsAny(token, " \t\r\n") || len(text) > MaxText {
		return e, false
	}
	id, rest, more := strings.Cut(rest, ":")
	n, err := strconv.ParseInt(id, 10, 32)
	if err != nil || n < 0 || !isDigit(id[0]) {
		return e, false
	}
	e = Encoded{Token: token, ID: n}
	for more {
		var one string
		one, rest, more = cutArgument(rest)
		index, values, _ := strings.Cut(one, ",")
		i, err := strconv.Atoi(index)
		if err != nil || i < 0 || i >= MaxArguments || !isDigit(index[0]) || len(e.Given) == MaxArguments {
			return Encoded{}, false
		}
		e.Given = append(e.Given, Given{i, strings.Split(values, ",")})
	}
	return e, true
}

// cutArgument cuts at the next colon behind which an argument begins, so that values may have colons.
func cutArgument(s string) (one, rest string, more bool) {
	for i := range len(s) {
		if s[i] != ':' {
			continue
		}
		k := i + 1
		for k < len(s) && isDigit(s[k]) {
			k++
		}
		if k > i+1 && k < len(s) && s[k] == ',' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// FromEncoded reads the arguments of the encoded form. The complaints are in order of the arguments; then the values are nil.
func FromEncoded(arguments []Argument, given []Given) (Values, []Complaint) {
	order := make([]int, len(arguments))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(arguments[a].Name, arguments[b].Name) })
	texts := map[int]string{}
	var complaints []Complaint
	for _, g := range given {
		if g.Index >= len(order) {
			complaints = append(complaints, Complaint{"", fmt.Sprintf("There is no argument %d", g.Index)})
			continue
		}
		at := order[g.Index]
		a := &arguments[at]
		if _, twice := texts[at]; twice {
			complaints = append(complaints, Complaint{a.Name, fmt.Sprintf("Argument %s is given twice", a.Name)})
			continue
		}
		if a.Type == List || a.Type == MultiList {
			words := make([]string, len(g.Values))
			for i, v := range g.Values {
				n, err := strconv.Atoi(v)
				if err != nil || n < 0 || n >= len(a.Choices) {
					complaints = append(complaints, *a.choose())
					break
				}
				words[i] = a.Choices[n]
			}
			g.Values = words
		}
		texts[at] = strings.Join(g.Values, ",")
	}
	values := Values{}
	for i := range arguments {
		a := &arguments[i]
		text, ok := texts[i]
		if !ok || text == "" {
			if a.Required {
				complaints = append(complaints, Complaint{a.Name, fmt.Sprintf("Action argument %s is required", a.Name)})
			}
			continue
		}
		v, c := a.read(text)
		if c != nil {
			complaints = append(complaints, *c)
			continue
		}
		values[a.Name] = v
	}
	if complaints != nil {
		return nil, complaints
	}
	return values, nil
}

// Code splits a one-time code of six digits off the end of a text, as in "reboot host1 123456".
func Code(rest string) (before, code string, ok bool) {
	rest = strings.TrimSpace(rest)
	before, code = rest, ""
	if i := strings.LastIndexAny(rest, " \t\r\n"); i >= 0 {
		before, code = strings.TrimSpace(rest[:i]), rest[i+1:]
	} else {
		before, code = "", rest
	}
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return rest, "", false
	}
	return before, code, true
}

// Usage tells how an action is asked for, as in "wake HOST [COUNT]".
func Usage(keyword string, arguments []Argument) string {
	var b strings.Builder
	b.WriteString(keyword)
	for _, a := range arguments {
		name := strings.ToUpper(a.Name)
		if !a.Required {
			name = "[" + name + "]"
		}
		b.WriteString(" " + name)
	}
	return b.String()
}
