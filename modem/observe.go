package modem

import "strings"

// Quality is what AT+CESQ tells, 3GPP TS 27.007 §8.69. Values that the network in use does not have are 0.
type Quality struct {
	RxLevelDBm int     // GSM: received level, -111 to -48
	RSCPDBm    int     // UMTS: received code power, -121 to -25
	EcNoDB     float64 // UMTS: energy per chip over noise, -24 to 0
	RSRPDBm    int     // LTE: received reference power, -141 to -44
	RSRQDB     float64 // LTE: received reference quality, -20 to -3
}

// networkTypes names <AcT> of +COPS, 3GPP TS 27.007 §7.3.
var networkTypes = [...]string{"gsm", "gsm", "umts", "edge", "hsdpa", "hsupa", "hspa", "lte", "ec-gsm-iot", "nb-iot", "lte", "nr", "nr", "nr-lte"}

// networkOf reads the last field of "mode,format,name,act"; "" when it is not there.
func networkOf(v string) string {
	f := fields(v)
	if len(f) < 4 {
		return ""
	}
	if n, ok := smallNumber(f[3], len(networkTypes)-1); ok {
		return networkTypes[n]
	}
	return ""
}

// readQuality asks for the finer measures, unless the modem has shown that it does not know them.
func (s *session) readQuality() error {
	if s.noQuality {
		return nil
	}
	answer, err := s.ask("+CESQ")
	if fatal(err) {
		return err
	}
	s.noQuality = err != nil || len(answer) == 0
	if !s.noQuality {
		q := qualityOf(valueOf(answer[0]))
		s.m.board.update(func(st *Status) { st.Quality = q })
	}
	return nil
}

// qualityOf reads "rxlev,ber,rscp,ecno,rsrq,rsrp". Numbers out of range stand for unknown.
func qualityOf(v string) (q Quality) {
	f := strings.Split(v, ",")
	level := func(i, limit int) (int, bool) {
		if i >= len(f) {
			return 0, false
		}
		return smallNumber(strings.TrimSpace(f[i]), limit)
	}
	if n, ok := level(0, 63); ok {
		q.RxLevelDBm = n - 111
	}
	if n, ok := level(2, 96); ok {
		q.RSCPDBm = n - 121
	}
	if n, ok := level(3, 49); ok {
		q.EcNoDB = float64(n)/2 - 24.5
	}
	if n, ok := level(4, 34); ok {
		q.RSRQDB = float64(n)/2 - 20
	}
	if n, ok := level(5, 97); ok {
		q.RSRPDBm = n - 141
	}
	return q
}

// The levels of a message memory that are told, EventStorage.
const (
	StorageOK         = "ok"          // there is room again
	StorageNearlyFull = "nearly_full" // four fifths are used
	StorageFull       = "full"        // the network has to keep what comes
)

// storageLevel sorts a fill. A memory that was nearly full has to fall below 70 % to be well again, so that one message more or less is no news.
func storageLevel(st Storage, before string) string {
	switch {
	case st.Total == 0:
		return StorageOK
	case st.Used >= st.Total:
		return StorageFull
	case st.Used*100 >= st.Total*80, before != "" && before != StorageOK && st.Used*100 >= st.Total*70:
		return StorageNearlyFull
	}
	return StorageOK
}

// watchStorage tells when the level of a memory changed.
func (m *Modem) watchStorage(st Storage) {
	m.life.mu.Lock()
	before := m.levels[st.Memory]
	now := storageLevel(st, before)
	m.levels[st.Memory] = now
	m.life.mu.Unlock()
	if now == before || before == "" && now == StorageOK {
		return
	}
	m.tell(Event{Kind: EventStorage, Memory: st.Memory, Code: now, Used: st.Used, Total: st.Total})
}
