package config

import "strings"

// nearest returns the word of known that a mistyped word most likely means, "" when none is near: at most one slip in three letters, or the rest after
// an underscore left out.
func nearest(word string, known []string) string {
	best, least := "", 0
	for _, k := range known {
		d := distance(word, k)
		if d <= max(len(word), len(k))/3 && (best == "" || d < least) {
			best, least = k, d
		}
	}
	for _, k := range known {
		if best == "" && len(word) >= 3 && strings.HasPrefix(k, word+"_") {
			best = k
		}
	}
	return best
}

// distance counts the slips between two words: letters left out, added, changed or swapped with their neighbour (optimal string alignment). Words of
// more than 64 bytes are as far apart as they are long.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
