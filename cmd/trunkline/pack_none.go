//go:build !pack

package main

import "github.com/spf13/cobra"

// packagingVerbs: the product has none. Built with the tag pack, this program also makes the files of a package; see pack.go.
func packagingVerbs() []*cobra.Command { return nil }
