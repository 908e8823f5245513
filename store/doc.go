// Package store keeps everything that Trunkline persists: messages with their parts and attempts, the queue, what came in, the event feed and
// idempotency keys. Its methods are transactions named for events in a record's life; a change of state, its index entries and its event are
// written together or not at all. What is to be done is decided elsewhere; here is only which step may follow which.
//
// The store works over an Engine, a small ordered key-value interface. The tables in it are these; T is a time in nanoseconds, big-endian, LINE the
// last nine digits of a number, and a name is preceded by its length in one byte. A provider in a
// key is the key of a service provider, which is not always its name; see ProviderKey:
//
//	meta
//	├── schema                          version and name of the last migration
//	├── last · kind                     number that was given last
//	├── retired provider · key          key of a service provider that was purged, which is never given again
//	└── instance                        identity of this store and its epoch
//	messages
//	└── ID                              Message with its parts and attempts; IDs are in order of time, so that an accept appends
//	queue                               every message in Waiting
//	└── lane · 9-priority · account · timed · T · ID   lane: the trunk that must carry it, = and the one that call plans chose, ~ and the one that should, or empty for any
//	open                                every message in Held, Sending or Unknown, and every one in Received that is not handled
//	├── state · ID
//	└── 0xFF · ID · seq                 part whose answer was lost and of which evidence is awaited
//	refs                                every part whose status report is awaited
//	└── SIM · reference · LINE · T · ID · seq          reference: the one expected, while the answer is missing
//	reports                             status reports that came before the answer of the modem
//	└── SIM · reference · LINE · T · digest
//	lookup                              every message, by what people look for
//	├── n · span · LINE · ID            span: the time of the message, to about three days
//	└── t · span · tag · ID
//	keys
//	└── scope · key                     idempotency key: hash of the request and the messages it made
//	segments
//	└── digest of the set's key         open set of a long message that comes in parts
//	sets                                every segment record
//	└── open or remembered · sender · T · digest of the set's key
//	digests
//	└── SHA-256                         what came in lately, and the slots it was seen in
//	quarantine
//	└── T · digest                      what came in and could not be decoded
//	damaged
//	└── table · key                     records that did not carry what was written, as they were
//	deadlines                           what Tidy has to do, and when
//	└── T · kind · key
//	usage
//	├── trunk or account · kind · T     parts counted in the window that begins at T
//	└── mark · kind · digest · T        answers and runs counted in the stretch that begins at T
//	sent
//	└── month · account · provider      parts given to a network, of messages that were accepted in the month
//	events
//	└── sequence number                 Event
//	remembered
//	└── key                             a few octets that a part of the program keeps over restarts
//	webhooks
//	└── ID                              Webhook: an endpoint with its filter, secrets and pause
//	cursors
//	└── ID                              WebhookCursor: how far the endpoint is in the feed
//	deliveries
//	└── ID · sequence number            Delivery of an event to an endpoint, with its event and the log of its tries
//	undelivered                         every delivery that is pending
//	└── ID · message · sequence number
//	retries                             every pending delivery that may go next of its message
//	└── ID · T · sequence number
//	providers
//	└── id                              Provider
//	plans
//	└── provider · name                 Plan: which version is in use, and which will be
//	planversions
//	└── provider · name · version       PlanVersion: a document of a plan, as it was published
//	administrators
//	└── id                              Administrator
//	contacts
//	└── id                              Contact
//	groups
//	└── id                              Group
//	actions
//	└── id                              Action
//	subscribers
//	└── id                              Subscriber
//	calendars
//	└── id                              Calendar: days that call plans know by a name
//	links                               which of them belong together
//	├── m · group · contact             member
//	├── g · action · group              may trigger it
//	├── a · action · administrator      may trigger it
//	├── n · action · contact · group    is told of it, for being in the group
//	└── M, G, A, N · …                  the same, archived
//	index                               how provisioned records and links are found; letters are those of the kind and of the index
//	├── kind · i · provider · id        all of a service provider; u UUID, a archived at, o owner, w words, others those of the kind
//	└── l · kind · ids behind · id      links by their second id
//	cdrs
//	└── ID                              CDR: a call, or a message, from its begin to its end; IDs are in order of time
//	opencdrs                            every CDR of a call that lasts
//	└── ID
//	credentials
//	└── administrator                   Credential: what an administrator logs in with
//	localusers
//	└── uid                             administrator that a user of this machine is
//	tokens
//	└── ID                              Token of a program
//	sessions
//	└── SHA-256                         Session of a browser
//	throttles
//	└── kind · 16 bits of a hash        Throttle: tries to log in that did not succeed
//	listentries
//	└── ID                              ListEntry: a line of a deny list or an allow list
//	optouts
//	└── digest of LINE · trunk          OptOut: a number that is not written to, through one trunk or, when that is empty, any
//	runs
//	└── ID                              Run of an action; the id is that of the message that asked for it
//	openruns
//	└── state · LINE · ID               every run that runs, and under each LINE from which a code may come every one that waits
//	factors
//	└── c or a · ID                     Factor: secret of the one-time codes of a contact or an administrator
//
// Every value that is not empty is framed: version, length, CRC-32C over table, key and payload, payload. The payload is in the protocol
// buffers wire format, so that unknown fields can be skipped. A record that fails any of this is never served: it is moved to damaged, named in
// one log line and in an event "store.damaged", and everything else goes on.
package store
