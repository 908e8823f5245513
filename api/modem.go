package api

import "time"

// Modem is one modem as it is now.
type Modem struct {
	Name         string    `json:"name" doc:"also the name of its trunk"`
	Device       string    `json:"device,omitempty" doc:"path of its port, as configured or as found"`
	USB          string    `json:"usb,omitempty" doc:"where the port is on USB, as bus, chain of ports and interface"`
	State        string    `json:"state" enum:"missing,opening,initialising,searching,ready,failed,quarantined"`
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
	Domain       string    `json:"domain,omitempty" enum:"cs,ps,cs+ps" doc:"what it is registered for; ps alone carries no messages without IMS"`
	Roaming      bool      `json:"roaming,omitempty"`
	Network      string    `json:"network,omitempty" doc:"radio technology, e.g. gsm, edge, umts, hspa, lte, nr"`
	SignalDBm    *int      `json:"signal_dbm,omitempty"`
	Quality      *Quality  `json:"quality,omitempty" doc:"finer measures, where the modem has them"`
	Storage      []Storage `json:"storage,omitempty" doc:"memories for received messages"`
	Opens        uint64    `json:"opens" doc:"how often the device was opened"`
	LastAnswer   time.Time `json:"last_answer,omitzero"`
	LastReceived time.Time `json:"last_received,omitzero" doc:"when a message or report came in last, since the daemon started"`
	Restarts     int       `json:"restarts,omitempty" doc:"restarts that nobody asked for, within the last hour"`
	PINTries     *int      `json:"pin_tries,omitempty" doc:"entries of the PIN that a locked card still takes"`
	PUKTries     *int      `json:"puk_tries,omitempty" doc:"entries of the PUK that a locked card still takes"`
	Balance      *float64  `json:"balance,omitempty" doc:"of the card, in the unit that the operator tells"`
	BalanceAt    time.Time `json:"balance_at,omitzero"`
	Calls        []Call    `json:"calls,omitempty" doc:"that are there now"`
}

// Storage is one message memory of a modem.
type Storage struct {
	Memory string `json:"memory"`
	Used   int    `json:"used"`
	Total  int    `json:"total"`
}

// Quality are measures of the radio. What the network in use does not have is absent.
type Quality struct {
	RxLevelDBm int     `json:"rxlev_dbm,omitempty"`
	RSCPDBm    int     `json:"rscp_dbm,omitempty"`
	EcNoDB     float64 `json:"ecno_db,omitempty"`
	RSRPDBm    int     `json:"rsrp_dbm,omitempty"`
	RSRQDB     float64 `json:"rsrq_db,omitempty"`
}

// Call is a call that a modem has now.
type Call struct {
	Direction string    `json:"direction" enum:"in,out"`
	State     string    `json:"state" enum:"incoming,waiting,answering,dialling,alerting,active,held,ending"`
	Caller    string    `json:"caller" enum:"unknown,known,withheld"`
	Number    string    `json:"number,omitempty"`
	Began     time.Time `json:"began_at"`
	Answered  time.Time `json:"answered_at,omitzero"`
}

// USSDRequest is the body of POST /v1/modems/{name}/ussd: exactly one of its fields.
type USSDRequest struct {
	Code   string `json:"code,omitempty" doc:"opens a session, e.g. *100#"`
	Reply  string `json:"reply,omitempty" doc:"answers in the open session"`
	Cancel bool   `json:"cancel,omitempty" doc:"ends the open session"`
}

// USSDReply is what the network said.
type USSDReply struct {
	Text string `json:"text"`
	Raw  string `json:"raw,omitempty" doc:"as the modem printed it"`
	More bool   `json:"more" doc:"the network waits for a reply, for a minute"`
}

// ATRequest is the body of POST /v1/modems/{name}/at.
type ATRequest struct {
	Command string `json:"command" doc:"one AT command, with or without AT in front; what would break the session or cost money is refused"`
}

// ATAnswer is what the modem said.
type ATAnswer struct {
	Lines  []string `json:"lines" nullable:"false"`
	Result string   `json:"result" doc:"OK, or the error that the modem gave"`
}

// UnlockRequest is the body of POST /v1/modems/{name}/unlock.
type UnlockRequest struct {
	PIN    string `json:"pin" doc:"4 to 8 digits; with puk the new PIN"`
	PUK    string `json:"puk,omitempty" doc:"8 digits, when the card asks for it"`
	Accept bool   `json:"accept,omitempty" doc:"try although fewer than three tries are left, or the card refused this before"`
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
