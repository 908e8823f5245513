package api

// GroupFields are the fields of a group that can be written.
type GroupFields struct {
	Provider    string `json:"provider,omitempty" doc:"service provider; the owner's when absent; cannot be changed"`
	AdminID     uint64 `json:"admin_id,omitempty" doc:"administrator that owns it; the caller when absent; 0: nobody in particular; cannot be changed"`
	Name        string `json:"name" doc:"letters a to z, digits and hyphens, not only digits; unique for the owner in any case; all is taken" maxLength:"255" example:"crew"`
	Description string `json:"description,omitempty"`
}

// Group is a set of contacts; GET /v1/contacts?group=ID lists them.
type Group struct {
	Record
	GroupFields
	Members int      `json:"members" doc:"how many contacts are in it, archived ones included"`
	Actions []uint64 `json:"actions" nullable:"false" doc:"ids of the actions that its contacts may trigger"`
	Former  []uint64 `json:"former_members,omitempty" doc:"ids of contacts that were taken out and can be put back, at most 1000 of them"`
}

// MembersRequest is the body of POST /v1/groups/{id}/members: ids of contacts.
type MembersRequest struct {
	Add    []uint64 `json:"add,omitempty" maxItems:"10000" doc:"put into the group"`
	Remove []uint64 `json:"remove,omitempty" maxItems:"10000" doc:"taken out of it; they are no longer told of actions for being in it"`

	Restore []uint64 `json:"restore,omitempty" maxItems:"10000" doc:"were taken out and are put back, and told of what they were told of"`
	Purge   []uint64 `json:"purge,omitempty" maxItems:"10000" doc:"were taken out, which is forgotten for good"`
}
