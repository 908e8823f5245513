package modem

// States lists every state, in the order in which a modem comes up.
func States() []State {
	return []State{Missing, Opening, Initialising, Searching, Ready, Failed, Quarantined}
}
