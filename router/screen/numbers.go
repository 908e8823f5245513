package screen

import "fmt"

// Emergency returns the emergency numbers that nothing is sent to unless the configuration says otherwise. Sources: ITU-T E.161.1 and the national plans.
func Emergency() []string {
	return []string{"112", "911", "999", "000", "110", "111", "113", "115", "117", "118", "119", "100", "101", "102", "103", "104", "108", "190", "191", "192", "193", "197", "995", "997", "998", "988"}
}

// Premium returns patterns of expensive numbers that nothing is sent to unless the configuration says otherwise: premium rate and shared cost services of
// national plans, international ones (ITU-T E.164 codes 979, 808), and satellite and global networks (870, 878, 881, 882, 883).
func Premium() []string {
	return []string{"+1900xxxxxxx", "+1976xxxxxxx", "+31900*", "+31906*", "+31909*", "+32900*", "+3290*", "+3389*", "+34803*", "+34806*", "+34807*", "+35115*", "+353157*",
		"+39892*", "+39895*", "+39899*", "+41900*", "+41901*", "+41906*", "+42090*", "+43900*", "+43901*", "+43930*", "+43931*", "+449*", "+4487*", "+4690*", "+4770*", "+4782*", "+48700*", "+48701*", "+48703*", "+4870*",
		"+49900*", "+49137*", "+49118*", "+611900*", "+61190*", "+979*", "+808*", "+870*", "+878*", "+881*", "+882*", "+883*"}
}

// Numbers compiles numbers and patterns into a deny list for what goes out, e.g. for Policy.Premium. The error names the entry.
func Numbers(all []string) (*Lists, error) {
	entries := make([]Entry, len(all))
	for i, s := range all {
		entries[i] = Entry{ID: s, Direction: Out, Kind: Pattern, Value: s}
		if _, err := entries[i].Check(); err != nil {
			return nil, fmt.Errorf("%q: %w", clip(s), err)
		}
	}
	return Compile(entries)
}
