package config

import _ "embed"

//go:embed reference.toml
var reference string

// Reference returns a configuration file with every key, its meaning and its default.
func Reference() string { return reference }
