package api

// ActionFields are the fields of an action that can be written.
type ActionFields struct {
	Provider       string           `json:"provider,omitempty" doc:"service provider; the caller's when absent; cannot be changed"`
	Name           string           `json:"name" doc:"a to z, 0 to 9, hyphen and underscore; unique for the service provider" maxLength:"64" example:"lamp"`
	Description    string           `json:"description,omitempty" maxLength:"2000"`
	Module         string           `json:"module,omitempty" doc:"what carries it out, unique for the service provider; kind and target when absent" maxLength:"255"`
	Keyword        string           `json:"keyword,omitempty" doc:"first word of the texts that trigger it; without one it is triggered in the encoded form" maxLength:"64"`
	Authentication bool             `json:"authentication" doc:"it is triggered in the encoded form, with a phone token; so when it has no keyword"`
	Enabled        bool             `json:"enabled"`
	Filtered       bool             `json:"filtered" doc:"only those on its lists may trigger it"`
	AdminID        uint64           `json:"admin_id,omitempty" doc:"manager: an administrator that is told, and pays for what is sent; another one empties the lists"`
	JanuaID        uint64           `json:"janua_id,omitempty" doc:"number in the encoded form; given when absent; cannot be changed"`
	Kind           string           `json:"kind" enum:"reply,forward,webhook,program,builtin"`
	Category       string           `json:"category,omitempty" maxLength:"64"`
	Dangerous      bool             `json:"dangerous,omitempty"`
	Level          int              `json:"level,omitempty" minimum:"0" maximum:"4" doc:"proof asked of the sender: 0 open, 1 listed, 2 challenge to the number on file, 3 one-time password, 4 two people"`
	Text           string           `json:"text,omitempty" doc:"template of the answer" maxLength:"2000"`
	Target         string           `json:"target,omitempty" doc:"of a forward numbers and groups, parted by commas; of a webhook any word: webhooks that take the event action.NAME are told; of a program the name of its section [program.NAME]; of a built-in help, status, usage, stats, sendsms or role" maxLength:"2000"`
	Arguments      []ActionArgument `json:"arguments,omitempty" maxItems:"32"`
	SenderLimit    int              `json:"sender_limit,omitempty" doc:"runs an hour that one sender may trigger; the usual one when absent"`
	HourLimit      int              `json:"hour_limit,omitempty" doc:"runs an hour in all; the usual one when absent"`
	Repeat         bool             `json:"repeat,omitempty" doc:"a run that was interrupted is done again; else it is reported only"`
}

// ActionArgument is one of the values that a text gives to an action.
type ActionArgument struct {
	Name        string   `json:"name" maxLength:"64"`
	Description string   `json:"description,omitempty" maxLength:"255"`
	Type        string   `json:"type" enum:"int,str,list,multilist,date,time,float"`
	Required    bool     `json:"required,omitempty"`
	Choices     []string `json:"choices,omitempty" maxItems:"100" doc:"values of list and multilist"`
}

// Grants says who may trigger an action and who is told of it: ids.
type Grants struct {
	Groups         []uint64       `json:"groups,omitempty" maxItems:"1000"`
	Administrators []uint64       `json:"administrators,omitempty" maxItems:"1000"`
	ContactNotify  []ActionNotice `json:"contact_notify,omitempty" maxItems:"1000"`
}

// ActionNotice says that a contact is told of an action for being in a group that may trigger it.
type ActionNotice struct {
	Contact uint64 `json:"contact"`
	Group   uint64 `json:"group"`
}

// Action is what a text triggers.
type Action struct {
	Record
	ActionFields
	Authorized Grants `json:"authorized" doc:"who may trigger it, and who is told of it; what is archived is left out"`
	Former     Grants `json:"former,omitzero" doc:"what was taken back of that and can be restored"`
}

// GrantsRequest is the body of POST /v1/actions/{id}/grants.
type GrantsRequest struct {
	Add    Grants `json:"add,omitzero"`
	Remove Grants `json:"remove,omitzero"`

	Restore Grants `json:"restore,omitzero" doc:"was taken back and holds again"`
	Purge   Grants `json:"purge,omitzero" doc:"was taken back, which is forgotten for good"`
}
