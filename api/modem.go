package api

import "time"

// Modem is one modem as it is now.
type Modem struct {
	Name         string    `json:"name" doc:"also the name of its trunk"`
	Device       string    `json:"device,omitempty" doc:"path of its port, as configured or as found"`
	USB          string    `json:"usb,omitempty" doc:"where the port is on USB, as bus, chain of ports and interface"`
	State        string    `json:"state" enum:"missing,opening,initialising,searching,ready,failed"`
	Reason       string    `json:"reason,omitempty" doc:"why it is not ready"`
	Hint         string    `json:"hint,omitempty" doc:"what to do about it"`
	Note         string    `json:"note,omitempty" doc:"what is remarkable although it keeps nothing from working"`
	Manufacturer string    `json:"manufacturer,omitempty"`
	Model        string    `json:"model,omitempty"`
	Revision     string    `json:"revision,omitempty"`
	IMEI         string    `json:"imei,omitempty"`
	IMSI         string    `json:"imsi,omitempty"`
	ICCID        string    `json:"iccid,omitempty"`
	SMSC         string    `json:"smsc,omitempty"`
	Operator     string    `json:"operator,omitempty"`
	Registration string    `json:"registration,omitempty"`
	SignalDBm    *int      `json:"signal_dbm,omitempty"`
	Storage      []Storage `json:"storage,omitempty" doc:"memories for received messages"`
	Opens        uint64    `json:"opens" doc:"how often the device was opened"`
	LastAnswer   time.Time `json:"last_answer,omitzero"`
}

// Storage is one message memory of a modem.
type Storage struct {
	Memory string `json:"memory"`
	Used   int    `json:"used"`
	Total  int    `json:"total"`
}

// ModemList is the answer to GET /v1/modems.
type ModemList struct {
	Items []Modem `json:"items" nullable:"false"`
}

// Version is the answer to GET /v1/version.
type Version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
}

// Health is the answer to GET /healthz and GET /readyz when all is well; else they answer with a Problem.
type Health struct {
	Status string `json:"status" enum:"ok"`
}
