package pdu

import "bytes"

// USSD strings are packed as the text of messages is, but carry no count: where seven bits are left over at the end, a CR fills them.
// 3GPP TS 23.038 §6.1.2.3.1.

// PackUSSD returns the octets of a USSD string in the default alphabet, packed. The error is a *CharacterError for a character that the alphabet lacks.
func PackUSSD(text string) ([]byte, error) {
	septets, err := appendSeptets(make([]byte, 0, len(text)+1), text, DefaultLanguage, DefaultLanguage)
	if err != nil {
		return nil, err
	}
	// A CR that ends the text on an octet boundary would be taken for filling: a second one keeps it.
	if n := len(septets); n%8 == 7 || n > 0 && n%8 == 0 && septets[n-1] == '\r' {
		septets = append(septets, '\r')
	}
	return pack(nil, septets), nil
}

// UnpackUSSD returns the text of a packed USSD string. Filling at the end is left out. Octets that are no text make strange characters, but no error.
func UnpackUSSD(octets []byte) string {
	all := make([]byte, 0, len(octets)*8/7)
	// One buffer holds 160 septets, which are 140 octets without a remainder.
	for len(octets) > 0 {
		piece := octets[:min(maxOctets, len(octets))]
		octets = octets[len(piece):]
		var b septetBuffer
		all = append(all, b.unpack(piece, len(piece)*8/7)...)
	}
	text, _, _ := appendText(nil, unfilled(all), DefaultLanguage, DefaultLanguage, false)
	return string(text)
}

// unfilled cuts the CR off that only fills the last octet, or that was added to keep one that ends the text on an octet boundary.
func unfilled(septets []byte) []byte {
	n := len(septets)
	if n%8 == 0 && bytes.HasSuffix(septets, []byte("\r")) || n%8 == 1 && bytes.HasSuffix(septets, []byte("\r\r")) {
		return septets[:n-1]
	}
	return septets
}
