package api

import "time"

// AdministratorFields are the fields of an administrator that can be written.
type AdministratorFields struct {
	Username        string   `json:"username" doc:"login: a to z, 0 to 9 and underscore; unique over all" maxLength:"64" example:"anna"`
	LastName        string   `json:"last_name,omitempty" maxLength:"255"`
	FirstName       string   `json:"first_name,omitempty" maxLength:"255"`
	PhoneNumber     string   `json:"phone_number,omitempty" doc:"unique over all" example:"+4915112345678"`
	Email           string   `json:"email,omitempty" doc:"unique over all" maxLength:"254"`
	Level           int      `json:"level,omitempty" enum:"0,1,2" doc:"1 super administrator, of which there is at most one; 2 supervisor; 2 when absent; cannot be changed"`
	RoleID          string   `json:"role_id,omitempty" doc:"platform_owner or service_provider:NAME; of the caller's service provider when absent; cannot be changed"`
	Permissions     []string `json:"permissions,omitempty" maxItems:"64" doc:"names of permissions; the role bounds them"`
	HasClient       bool     `json:"has_client,omitempty" doc:"it asked for the configuration of the phone client"`
	SMSQuota        string   `json:"sms_quota,omitempty" doc:"parts in a calendar window: a number and D, W, M or Y; 100 M when absent" example:"100 M"`
	RecipientFilter bool     `json:"recipient_filter" doc:"it may send to its own contacts only"`
	AuthBackend     string   `json:"auth_backend,omitempty" enum:",local,ldap" doc:"what proves its password; local when absent"`
	QuotaRequest    string   `json:"quota_request,omitempty" doc:"quota that it asks for" example:"200 M"`
}

// Administrator is somebody who may log in and owns contacts, groups and messages. Its credentials are never answered.
type Administrator struct {
	Record
	AdministratorFields
	Provider         string    `json:"provider" doc:"service provider of its role; of an owner of the platform the default one"`
	FullName         string    `json:"full_name" doc:"first and last name"`
	Account          string    `json:"account" doc:"under which its messages are accepted and counted"`
	LastQuotaReached time.Time `json:"last_quota_reached,omitzero" doc:"it was told last that its quota is used up"`
}
