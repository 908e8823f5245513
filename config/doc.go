// Package config reads the configuration file: TOML whose sections are the Config types of the packages that use them.
//
//	Load: file → size, encoding → keyLines (where is what) → toml (syntax) → decoder (types, unknown keys) → Validate (values, contradictions)
//
// Every step notes all that it finds; one *Error names everything that is wrong, by file, line and key, with a hint. The result is a value that nobody
// changes afterwards. reference.toml holds every key with its default; it and docs/config.md are made from the sections' doc comments by
//
//	go test ./config -run TestReference -update
package config
