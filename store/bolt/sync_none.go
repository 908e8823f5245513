//go:build trunkline_nosync

package bolt

const noSync = true
