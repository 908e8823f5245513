package modem

// indicate acts on one indication. The reader of the port calls it: it must not wait and must not ask the modem anything.
func (m *Modem) indicate(u urc, ev *events) {
	switch u.kind {
	case urcStored:
		m.hear()
		m.indicateStored(u)
	case urcFull:
		m.limiter.warn("full", "a message memory of the modem is full")
		m.put(Notice{Kind: NoticeStored, Length: -1, Index: -1})
	case urcDeliver:
		m.hear()
		if m.silence.own(u.trailer) {
			signal(ev.own)
			break
		}
		m.indicateRouted(NoticeDeliver, "cmt", u)
	case urcReport:
		m.hear()
		m.indicateRouted(NoticeReport, "cds", u)
	case urcRegistration:
		signal(ev.refresh)
	case urcSignal:
		m.setSignal(signalDBm(fields(valueOf(u.text))[0]))
	case urcSIM:
		signal(ev.card)
	case urcBoot:
		signal(ev.restarted)
	case urcBooted:
		signal(ev.booted)
	case urcCall, urcDigit:
		for _, h := range callHints(u) {
			select {
			case ev.calls <- h:
			default:
				m.metrics.damaged.WithLabelValues("ring").Inc()
			}
		}
	case urcUSSD:
		m.indicateUSSD(u)
	case urcLate:
		if n := referenceOf([]string{u.text}); n >= 0 {
			select {
			case ev.late <- n:
			default:
			}
		}
	}
}

func (m *Modem) put(n Notice) {
	if !m.notices.put(n) {
		m.metrics.dropped.Inc()
		m.limiter.warn("notices", "notice dropped: nobody takes them", "kind", n.Kind.String())
	}
}

func (m *Modem) indicateStored(u urc) {
	memory, index, bad := storedOf(u.text)
	for _, field := range bad {
		m.metrics.damaged.WithLabelValues(field).Inc()
		m.limiter.warn(field, "announcement of a message is damaged; a sweep finds it", "field", field)
	}
	m.put(Notice{Kind: NoticeStored, Length: -1, Memory: memory, Index: index})
}

// indicateRouted hands a directly routed message on. One without a usable PDU leads to a sweep: the modem may have lost PDU
// mode, and other messages may wait.
func (m *Modem) indicateRouted(kind NoticeKind, field string, u urc) {
	if u.lost || !isHex(u.trailer) {
		m.metrics.damaged.WithLabelValues(field).Inc()
		m.limiter.warn(field, "message announced without its PDU", "field", field)
		m.put(Notice{Kind: NoticeStored, Length: -1, Index: -1})
		return
	}
	m.put(Notice{Kind: kind, Raw: u.trailer, Length: announcedLength(u.text), Index: -1})
}
