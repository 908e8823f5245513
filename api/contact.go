package api

import "time"

// ContactFields are the fields of a contact that can be written.
type ContactFields struct {
	Provider            string           `json:"provider,omitempty" doc:"service provider; the owner's when absent; cannot be changed"`
	AdminID             uint64           `json:"admin_id,omitempty" doc:"administrator that owns it; the caller when absent; 0: nobody in particular; cannot be changed"`
	LastName            string           `json:"last_name,omitempty" maxLength:"255"`
	FirstName           string           `json:"first_name,omitempty" maxLength:"255"`
	MiddleName          string           `json:"middle_name,omitempty" maxLength:"50"`
	Suffix              string           `json:"suffix,omitempty" maxLength:"50"`
	Title               string           `json:"title,omitempty" enum:",mr,ms,mrs,miss,family"`
	PhoneNumber         string           `json:"phone_number,omitempty" doc:"first number, to which texts go; unique for the owner; mirrored in phones as a mobile" example:"+4915112345678"`
	Phones              []ContactPhone   `json:"phones,omitempty" maxItems:"50"`
	Email               string           `json:"email,omitempty" doc:"first address of mail; unique for the owner; mirrored in emails" maxLength:"254"`
	Emails              []ContactEmail   `json:"emails,omitempty" maxItems:"50"`
	Description         string           `json:"description,omitempty"`
	Notes               string           `json:"notes,omitempty"`
	Addresses           []ContactAddress `json:"addresses,omitempty" maxItems:"50"`
	CoreUserUUID        string           `json:"core_user_uuid,omitempty" doc:"of the administrator that the contact is" format:"uuid"`
	CustomerID          uint64           `json:"customer_id,omitempty" doc:"unique for the service provider; the next one from 10001 when absent"`
	ContactType         string           `json:"contact_type,omitempty" maxLength:"128"`
	CustomerType        string           `json:"customer_type,omitempty" enum:",customer,contact,company,public"`
	Company             string           `json:"company,omitempty" maxLength:"100"`
	SiteprofileUUIDs    []string         `json:"siteprofile_uuids,omitempty" maxItems:"50"`
	Workflowlevel1UUIDs []string         `json:"workflowlevel1_uuids,omitempty" maxItems:"50"`
	Workflowlevel2UUIDs []string         `json:"workflowlevel2_uuids,omitempty" maxItems:"50"`
	Restricted          bool             `json:"restricted,omitempty" doc:"nothing is sent to it and it triggers nothing"`
	Consents            []Consent        `json:"consents,omitempty" maxItems:"50" doc:"oldest first"`
}

// Contact is an entry of the address book.
type Contact struct {
	Record
	ContactFields
	FullName string   `json:"full_name" doc:"first and last name"`
	Groups   []uint64 `json:"groups" nullable:"false" doc:"ids of the groups in use that it is in"`
}

// ContactPhone is one of the numbers of a contact.
type ContactPhone struct {
	Type   string `json:"type,omitempty" enum:",office,mobile,home,fax"`
	Number string `json:"number" minLength:"3" maxLength:"25"`
}

// ContactEmail is one of the addresses of mail of a contact.
type ContactEmail struct {
	Type  string `json:"type,omitempty" enum:",office,private,other"`
	Email string `json:"email" maxLength:"254"`
}

// ContactAddress is a postal address.
type ContactAddress struct {
	Type        string `json:"type,omitempty" enum:",home,billing,business,delivery,mailing"`
	Street      string `json:"street,omitempty" maxLength:"100"`
	HouseNumber string `json:"house_number,omitempty" maxLength:"20"`
	PostalCode  string `json:"postal_code,omitempty" maxLength:"20"`
	City        string `json:"city,omitempty" maxLength:"85"`
	Country     string `json:"country,omitempty" maxLength:"50"`
}

// Consent says when and how somebody allowed to be written to, or took it back.
type Consent struct {
	At     time.Time `json:"at,omitzero"`
	Source string    `json:"source,omitempty" doc:"where it was given" maxLength:"255"`
	Text   string    `json:"text,omitempty" doc:"to what" maxLength:"2000"`
	Proof  string    `json:"proof,omitempty" doc:"where the proof is kept" maxLength:"2000"`
}
