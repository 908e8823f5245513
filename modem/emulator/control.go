package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// ModemInfo is a modem in the control interface.
type ModemInfo struct {
	Name     string         `json:"name"`
	Number   string         `json:"number"`
	Profile  string         `json:"profile"`
	IMEI     string         `json:"imei"`
	ICCID    string         `json:"iccid"`
	Running  bool           `json:"running"`
	Unlocked bool           `json:"unlocked"`
	Stored   map[string]int `json:"stored"` // messages by memory
	Faults   []Fault        `json:"faults"` // that wait
}

// controlLimit bounds the body of a request to the control interface.
const controlLimit = 64 << 10

// Control returns the control interface: JSON over HTTP, for people and scripts
// that play the part of the network. It has no access control: serve it on
// loopback only.
//
//	GET    /handset                       numbers of all phones
//	GET    /handset/{number}/messages     messages that a phone received
//	POST   /handset/{number}/messages     {"to", "text"}: the phone writes
//	PUT    /handset/{number}/reachable    true or false
//	GET    /ledger                        what the centre took
//	GET    /deliveries                    every attempt to deliver
//	POST   /rules                         a [Rule] for what modems send
//	DELETE /rules
//	GET    /modems                        [ModemInfo] of all modems
//	GET    /modems/{name}/faults          faults that wait
//	POST   /modems/{name}/faults          one [Fault] or a list of them
//	POST   /modems/{name}/restart
//	PUT    /modems/{name}/signal         0 to 31, or 99: no network
func (n *Network) Control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /handset", func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, n.Handsets()) })
	mux.HandleFunc("GET /handset/{number}/messages", func(w http.ResponseWriter, r *http.Request) {
		reply(w, 200, n.Handset(r.PathValue("number")).Inbox())
	})
	mux.HandleFunc("POST /handset/{number}/messages", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ To, Text string }
		if !decode(w, r, &in) {
			return
		}
		if in.To == "" {
			fail(w, 400, errors.New(`"to" is missing: the number that the message goes to`))
			return
		}
		if err := n.Handset(r.PathValue("number")).Send(r.Context(), in.To, in.Text); err != nil {
			fail(w, 400, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("PUT /handset/{number}/reachable", func(w http.ResponseWriter, r *http.Request) {
		var on bool
		if decode(w, r, &on) {
			n.Handset(r.PathValue("number")).SetReachable(on)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("GET /ledger", func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, n.Ledger()) })
	mux.HandleFunc("GET /deliveries", func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, n.Deliveries()) })
	mux.HandleFunc("POST /rules", func(w http.ResponseWriter, r *http.Request) {
		var rule Rule
		if decode(w, r, &rule) {
			n.Rule(rule)
			w.WriteHeader(http.StatusNoContent)
		}
	})
	mux.HandleFunc("DELETE /rules", func(w http.ResponseWriter, _ *http.Request) {
		n.ClearRules()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /modems", func(w http.ResponseWriter, _ *http.Request) {
		list := []ModemInfo{}
		for _, m := range n.Modems() {
			list = append(list, m.Info())
		}
		reply(w, 200, list)
	})
	mux.HandleFunc("GET /modems/{name}/faults", n.modemHandler(func(w http.ResponseWriter, _ *http.Request, m *Modem) { reply(w, 200, m.Faults()) }))
	mux.HandleFunc("POST /modems/{name}/faults", n.modemHandler(injectFaults))
	mux.HandleFunc("POST /modems/{name}/restart", n.modemHandler(func(w http.ResponseWriter, _ *http.Request, m *Modem) {
		m.Restart()
		w.WriteHeader(http.StatusNoContent)
	}))
	mux.HandleFunc("PUT /modems/{name}/signal", n.modemHandler(func(w http.ResponseWriter, r *http.Request, m *Modem) {
		var rssi int
		if !decode(w, r, &rssi) {
			return
		}
		if (rssi < 0 || rssi > 31) && rssi != 99 {
			fail(w, 400, errors.New("a signal is 0 to 31, or 99 for none"))
			return
		}
		m.SetSignal(rssi)
		w.WriteHeader(http.StatusNoContent)
	}))
	return mux
}

// Info describes the modem as it is now.
func (m *Modem) Info() ModemInfo {
	info := ModemInfo{Name: m.o.Name, Number: m.number, Profile: m.p.Name, IMEI: m.o.IMEI, ICCID: m.o.ICCID, Stored: map[string]int{}, Faults: m.Faults()}
	m.mu.Lock()
	defer m.mu.Unlock()
	info.Running, info.Unlocked = m.session != nil, !m.card.locked
	for _, memory := range m.memory {
		info.Stored[memory.name] = memory.used()
	}
	return info
}

// Modem returns the modem with that name, nil when there is none.
func (n *Network) Modem(name string) *Modem {
	for _, m := range n.Modems() {
		if m.o.Name == name {
			return m
		}
	}
	return nil
}

// modemHandler finds the modem that a path names.
func (n *Network) modemHandler(fn func(http.ResponseWriter, *http.Request, *Modem)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m := n.Modem(r.PathValue("name"))
		if m == nil {
			fail(w, 404, errors.New("there is no modem "+r.PathValue("name")+": see /modems"))
			return
		}
		fn(w, r, m)
	}
}

func injectFaults(w http.ResponseWriter, r *http.Request, m *Modem) {
	var raw json.RawMessage
	if !decode(w, r, &raw) {
		return
	}
	list := make([]Fault, 1)
	var into any = &list[0]
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		into = &list
	}
	err := json.Unmarshal(raw, into)
	if err == nil {
		err = m.Inject(list...)
	}
	if err != nil {
		fail(w, 400, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// decode reads the body of a request; false when the answer has been given.
func decode(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := strict(http.MaxBytesReader(w, r.Body, controlLimit), v); err != nil {
		fail(w, 400, err)
		return false
	}
	return true
}

// strict reads one JSON value and refuses keys that it has no field for.
func strict(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	return d.Decode(v)
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller has gone
}

func fail(w http.ResponseWriter, status int, err error) {
	reply(w, status, map[string]string{"error": err.Error()})
}
