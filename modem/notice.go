package modem

// NoticeKind tells what a Notice is about.
type NoticeKind uint8

const (
	// NoticeOnline follows every successful initialisation: sweep the memories.
	NoticeOnline NoticeKind = iota + 1
	// NoticeOffline follows the loss of a session.
	NoticeOffline
	// NoticeStored is a hint that a memory may hold messages. Memory and Index are set when the modem named them.
	NoticeStored
	// NoticeDeliver is a message routed directly (+CMT).
	NoticeDeliver
	// NoticeReport is a status report routed directly (+CDS).
	NoticeReport
	// NoticeLate is the reference of a send whose answer came after Submit had given up. Index is the reference, 0 to 255.
	NoticeLate
)

var noticeNames = [...]string{"", "online", "offline", "stored", "deliver", "report", "late"}

// String returns the lower-case name, "" for the zero value.
func (k NoticeKind) String() string {
	if int(k) < len(noticeNames) {
		return noticeNames[k]
	}
	return ""
}

// A Notice is something that the modem told without being asked.
type Notice struct {
	Kind   NoticeKind
	Raw    string // NoticeDeliver, NoticeReport: the PDU line in hex as printed, SMSC field included
	Length int    // NoticeDeliver, NoticeReport: octets of the TPDU as announced, SMSC field excluded; -1 when not announced
	Memory string // NoticeStored: memory name of a fixed list (SM, ME, …), "" when unknown
	Index  int    // NoticeStored: slot, -1 when unknown; NoticeLate: the reference
}

// noticeLimit bounds the notices that wait for the consumer.
const noticeLimit = 4096

// sameHint tells that a hint adds nothing to one that waits: one sweep is as good as ten.
func sameHint(waiting, added Notice) bool {
	return added.Kind == NoticeStored && waiting.Kind == NoticeStored && (waiting == added || waiting.Index < 0 && waiting.Memory == "")
}
