package modem

import (
	"slices"
	"strings"
	"time"
)

// chooseMemories finds out which memories the modem has, lets messages come into its own one where that is possible, and
// notes which ones to sweep.
func (s *session) chooseMemories() error {
	// A memory that is missing here is not swept: an answer that looks damaged is asked for again.
	var groups [3][]string
	for try := 0; try < 3 && (len(groups[0]) == 0 || len(groups[1]) == 0 || len(groups[2]) == 0); try++ {
		answer, err := s.ask("+CPMS=?")
		if fatal(err) {
			return err
		}
		if err == nil && len(answer) > 0 {
			groups = memoryGroups(valueOf(answer[0]))
		}
	}
	s.memories, s.selected = sweepable(groups[0]), ""
	s.writable, s.sending = groups[1], ""
	if len(s.memories) == 0 {
		// Nothing to choose from: read whatever is selected.
		s.memories = []string{""}
		return nil
	}
	into := ""
	for _, name := range []string{"ME", "SM", "MT"} {
		if slices.Contains(groups[2], name) {
			into = name
			break
		}
	}
	if into == "" {
		return nil
	}
	read := into
	if !slices.Contains(groups[0], into) {
		read = s.memories[0]
	}
	write := into
	if len(groups[1]) > 0 && !slices.Contains(groups[1], into) {
		write = groups[1][0]
	}
	// Old modems take fewer arguments.
	for _, names := range [][]string{{read, write, into}, {read, write}, {read}} {
		answer, err := s.ask(`+CPMS="` + strings.Join(names, `","`) + `"`)
		if fatal(err) {
			return err
		}
		if err == nil {
			s.selected, s.selectedAt = read, time.Now()
			s.fill(read, answer)
			return nil
		}
	}
	return nil
}

// memoryGroups reads "(…),(…),(…)" of +CPMS=?: what may be read, written and received into. Brackets may be missing or
// doubled, quotes missing or broken. Names that are not memories are left out.
func memoryGroups(v string) (groups [3][]string) {
	v = strings.ReplaceAll(v, `"`, "")
	if strings.HasPrefix(v, "((") && strings.HasSuffix(v, "))") {
		v = v[1 : len(v)-1]
	}
	for i, group := range fields(v) {
		if i == len(groups) {
			break
		}
		for _, name := range strings.Split(strings.Trim(group, "() "), ",") {
			if name = strings.Trim(name, "() "); slices.Contains(memoryNames, name) {
				groups[i] = append(groups[i], name)
			}
		}
	}
	return groups
}

// sweepable returns the memories that messages can wait in. MT is SM and ME together, under slots of its own: it is read
// only where the two cannot be.
func sweepable(names []string) []string {
	var out []string
	for _, name := range []string{"ME", "SM"} {
		if slices.Contains(names, name) {
			out = append(out, name)
		}
	}
	if len(out) == 0 && slices.Contains(names, "MT") {
		out = append(out, "MT")
	}
	return out
}

// selectionLasts is how long a selected memory is relied on after the modem last worked on it. A modem that restarts without a word
// selects another one, and a slot deleted there is a message lost; none restarts in less.
const selectionLasts = time.Second

// use selects the memory that reading and deleting work on.
func (s *session) use(memory string) error {
	if memory == "" || memory == s.selected && time.Since(s.selectedAt) < selectionLasts {
		return nil
	}
	s.selected, s.sending = "", ""
	// Some old modems want the further arguments as well.
	var err error
	for _, names := range []string{memory, memory + `","` + memory, memory + `","` + memory + `","` + memory} {
		var answer []string
		if answer, err = s.ask(`+CPMS="` + names + `"`); err == nil {
			s.selected, s.selectedAt = memory, time.Now()
			s.fill(memory, answer)
			return nil
		}
		if fatal(err) {
			return err
		}
	}
	return err
}

// fill notes used and total of the answer to a +CPMS that selected memory.
func (s *session) fill(memory string, answer []string) {
	if len(answer) == 0 {
		return
	}
	f := fields(valueOf(answer[0]))
	if len(f) < 2 {
		return
	}
	used, ok := smallNumber(f[0], maxSlot)
	total, ok2 := smallNumber(f[1], maxSlot)
	if ok && ok2 {
		s.m.setStorage(Storage{Memory: memory, Used: used, Total: total})
	}
}

// readFill reads how full the memories are. The answer names each of the three with used and total.
func (s *session) readFill() error {
	answer, err := s.ask("+CPMS?")
	if fatal(err) || err != nil || len(answer) == 0 {
		return ignoreRefusal(err)
	}
	f := fields(valueOf(answer[0]))
	for i := 0; i+2 < len(f); i += 3 {
		used, ok := smallNumber(f[i+1], maxSlot)
		total, ok2 := smallNumber(f[i+2], maxSlot)
		if !ok || !ok2 {
			continue
		}
		s.addMemory(f[i])
		if !slices.Contains(s.memories, f[i]) {
			continue
		}
		s.m.setStorage(Storage{Memory: f[i], Used: used, Total: total})
		if total > 0 && used*100 >= total*80 {
			s.m.limiter.warn("fill", "a message memory is nearly full", "memory", f[i], "used", used, "total", total)
			s.m.put(Notice{Kind: NoticeStored, Length: -1, Memory: f[i], Index: -1})
		}
	}
	return nil
}

// addMemory has a memory swept that the modem uses, although what it said at the beginning did not name it: that may have been damaged.
func (s *session) addMemory(name string) {
	if name != "ME" && name != "SM" || slices.Contains(s.memories, name) || s.memories[0] == "" || s.memories[0] == "MT" {
		return
	}
	s.memories = append(s.memories, name)
	s.m.put(Notice{Kind: NoticeStored, Length: -1, Memory: name, Index: -1})
}

func ignoreRefusal(err error) error {
	if fatal(err) {
		return err
	}
	return nil
}

func (m *Modem) setStorage(st Storage) {
	m.watchStorage(st)
	m.metrics.storageUsed.WithLabelValues(st.Memory).Set(float64(st.Used))
	m.metrics.storageSize.WithLabelValues(st.Memory).Set(float64(st.Total))
	m.board.update(func(status *Status) {
		for i := range status.Storage {
			if status.Storage[i].Memory == st.Memory {
				status.Storage[i] = st
				return
			}
		}
		status.Storage = append(status.Storage, st)
	})
}
