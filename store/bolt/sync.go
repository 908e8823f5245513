//go:build !trunkline_nosync

package bolt

// noSync is false in every program that is meant to be used. Only the test that cuts the power builds one with the tag trunkline_nosync, to prove that it
// notices when commits are not synced.
const noSync = false
