package pdu

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUSSD(t *testing.T) {
	for _, tt := range []struct{ text, packed string }{
		{"", ""},
		{"*100#", "aa180c3602"},
		{"*135#", "aad8ac3602"},
		{"1234567", "31d98c56b3dd1a"}, // seven bits are left: CR fills them
		{"12345678", "31d98c56b3dd70"},
		{"€", "9b32"},
		{strings.Repeat("abcdefgh", 25), ""},
		{strings.Repeat("x", 159) + "\r", ""}, // the second CR is septet 161
	} {
		b, err := PackUSSD(tt.text)
		if err != nil || tt.packed != "" && hex.EncodeToString(b) != tt.packed {
			t.Errorf("PackUSSD(%q) = %x, %v; want %s", tt.text, b, err, tt.packed)
		}
		if got := UnpackUSSD(b); got != tt.text {
			t.Errorf("UnpackUSSD(%x) = %q, want %q", b, got, tt.text)
		}
	}
	var wrong *CharacterError
	if _, err := PackUSSD("žluť"); !errors.As(err, &wrong) || wrong.Rune != 'ž' {
		t.Errorf("a character outside the alphabet: %v", err)
	}
}

var ussdSeeds = []string{"*100#", "1234567\r", "12345678\r", "seven@@"}

func FuzzUSSD(f *testing.F) {
	for _, s := range ussdSeeds {
		f.Add(s)
	}
	f.Fuzz(ussdBody)
}

func ussdBody(t *testing.T, text string) {
	if !utf8.ValidString(UnpackUSSD([]byte(text))) {
		t.Fatalf("% X is unpacked to what is no UTF-8", text)
	}
	b, err := PackUSSD(text)
	if err != nil {
		return
	}
	// Two CR at the end cannot be told from one that was doubled.
	if got := UnpackUSSD(b); got != text && !strings.HasSuffix(text, "\r\r") {
		t.Fatalf("%q packed and unpacked is %q (%x)", text, got, b)
	}
}
