package emulator

import (
	"strings"
	"sync"
	"time"
	"unicode"
)

// NetworkOptions describe a network; the zero value is one that is instant and
// never fails.
type NetworkOptions struct {
	Latency     time.Duration // air time of one SUBMIT: half before the centre has it, half before the modem knows
	Delivery    time.Duration // from the centre to the recipient
	ReportDelay time.Duration // from the delivery to the status report
	Retry       time.Duration // until the centre repeats a refused delivery; default 1 minute
	Country     string        // country code put before national numbers ("0…"); default "49"
	SMSC        string        // number of the centre; default "+491710760000"
	Operator    string        // default "Testnet"
	PLMN        string        // default "26201"
	History     int           // how many of the newest submissions, deliveries and texts of each phone are kept; 0: all

	// USSD answers what a modem says in a session; said is all of it so far, the last thing last. nil: a number, a balance and a menu.
	USSD func(number string, said []string) USSDAnswer
}

// Network is a short message centre and its subscribers. Make one with
// [NewNetwork]; all methods may be called from any goroutine.
type Network struct {
	o NetworkOptions

	mu         sync.Mutex
	subs       map[string]*subscriber
	modems     []*Modem
	taken      []Submission
	refused    []Submission // not by the centre: never in the ledger
	deliveries []Delivery
	rules      []*Rule
	reference  uint16        // of long messages from handsets
	changed    chan struct{} // closed and replaced at every change
	closed     chan struct{}
	wg         sync.WaitGroup
}

// subscriber is one number: a SIM in a modem, or a handset.
type subscriber struct {
	number  string
	modem   *Modem   // nil: handset
	handset *Handset // made when first asked for or first written to
	queue   []*delivery
	pumping bool
	alerted bool // while a delivery was under way
	retry   *time.Timer
}

// NewNetwork starts a network. It needs no Close unless goroutines are counted.
func NewNetwork(o NetworkOptions) *Network {
	setDefault(&o.Country, "49")
	setDefault(&o.SMSC, "+491710760000")
	setDefault(&o.Operator, "Testnet")
	setDefault(&o.PLMN, "26201")
	if o.Retry == 0 {
		o.Retry = time.Minute
	}
	return &Network{o: o, subs: map[string]*subscriber{}, changed: make(chan struct{}), closed: make(chan struct{})}
}

// Close stops all deliveries and waits for those under way.
func (n *Network) Close() {
	n.mu.Lock()
	select {
	case <-n.closed:
	default:
		close(n.closed)
	}
	for _, s := range n.subs {
		if s.retry != nil {
			s.retry.Stop()
		}
	}
	n.mu.Unlock()
	n.wg.Wait()
}

// Modems lists the modems of the network in the order in which they were made.
func (n *Network) Modems() []*Modem {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*Modem(nil), n.modems...)
}

// Number gives a number as the network knows it: "+" and digits when it is a
// full one, the digits as dialled when it is short. The name of an alphanumeric
// sender stays as it is.
func (n *Network) Number(dialled string) string {
	if strings.IndexFunc(dialled, unicode.IsLetter) >= 0 {
		return dialled
	}
	d := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -()./", r) {
			return -1
		}
		return r
	}, dialled)
	switch {
	case strings.HasPrefix(d, "+"):
		return d
	case strings.HasPrefix(d, "00"):
		return "+" + d[2:]
	case strings.HasPrefix(d, "0"):
		return "+" + n.o.Country + d[1:]
	}
	return d
}

// sub returns the subscriber with that number. The lock is held.
func (n *Network) sub(number string) *subscriber {
	number = n.Number(number)
	s := n.subs[number]
	if s == nil {
		s = &subscriber{number: number}
		n.subs[number] = s
	}
	return s
}

// recent adds an entry to a list of which the newest keep are kept, all when keep is 0. The list is cut when it
// is twice as long, so that adding stays cheap: readers cut the rest.
func recent[T any](list []T, keep int, entry T) []T {
	if keep > 0 && len(list) >= 2*keep {
		list = append(make([]T, 0, 2*keep), list[len(list)-keep+1:]...)
	}
	return append(list, entry)
}

// newest copies the newest keep entries of a list, all when keep is 0.
func newest[T any](list []T, keep int) []T {
	if keep > 0 && len(list) > keep {
		list = list[len(list)-keep:]
	}
	return append([]T{}, list...)
}

// announce wakes everybody who waits for a change. The lock is held.
func (n *Network) announce() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// start runs fn in a goroutine unless the network is closed. The lock is held.
func (n *Network) start(fn func()) {
	select {
	case <-n.closed:
	default:
		n.wg.Go(fn)
	}
}
