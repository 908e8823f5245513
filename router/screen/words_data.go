package screen

// language is what means something in one language. Words are written as people write them.
type language struct {
	stop, start, help []string
	filler            []string // politeness
	suspect           []string // parts of free wording that ask to be left alone
}

// languageWords returns the words by language. The English ones are those that 47 CFR 64.1200(a)(10) and the carriers' handbook name.
func languageWords() map[string]language {
	return map[string]language{
		"en": {
			stop:    []string{"stop", "stopall", "stop all", "quit", "end", "revoke", "opt out", "optout", "opt-out", "cancel", "unsubscribe"},
			start:   []string{"start", "unstop", "yes", "opt in", "optin", "subscribe"},
			help:    []string{"help", "info"},
			filler:  []string{"please", "pls", "plz", "thanks", "thank", "you", "thx", "now", "ok", "hi", "hello"},
			suspect: []string{"remove me", "take me off", "leave me alone", "do not text", "dont text", "dont message", "do not message", "do not contact", "no more messages", "no more texts", "wrong number"},
		},
		"de": {
			stop:    []string{"stopp", "abmelden", "abbestellen", "kündigen", "austragen", "ende", "beenden", "widerruf"},
			start:   []string{"anmelden", "bestellen", "weiter"},
			help:    []string{"hilfe"},
			filler:  []string{"bitte", "danke", "hallo", "sofort", "jetzt"},
			suspect: []string{"keine nachrichten", "keine sms", "nicht mehr schreiben", "lassen sie mich in ruhe", "falsche nummer"},
		},
		"fr": {
			stop:    []string{"arrêt", "arrêter", "désabonner", "désinscrire", "désinscription", "annuler"},
			start:   []string{"démarrer", "reprendre", "abonner"},
			help:    []string{"aide"},
			filler:  []string{"merci", "svp", "bonjour"},
			suspect: []string{"plus de messages", "ne m'envoyez plus", "laissez moi tranquille", "retirez moi", "mauvais numéro"},
		},
		"es": {
			stop:    []string{"alto", "baja", "parar", "cancelar", "detener", "salir"},
			start:   []string{"alta", "iniciar", "comenzar"},
			help:    []string{"ayuda"},
			filler:  []string{"por", "favor", "gracias", "hola", "ya"},
			suspect: []string{"no más mensajes", "no me escriban", "déjenme en paz", "número equivocado"},
		},
		"it": {
			stop:    []string{"ferma", "basta", "annulla", "disiscrivi", "cancella", "disattiva"},
			start:   []string{"inizia", "iscrivi", "attiva"},
			help:    []string{"aiuto"},
			filler:  []string{"grazie", "prego", "ciao", "per", "favore"},
			suspect: []string{"non scrivetemi", "niente messaggi", "numero sbagliato"},
		},
		"pt": {
			stop:    []string{"pare", "parar", "sair", "cancelar", "remover"},
			start:   []string{"iniciar", "começar", "voltar"},
			help:    []string{"ajuda"},
			filler:  []string{"por", "favor", "obrigado", "obrigada", "olá"},
			suspect: []string{"não quero mensagens", "me remova", "número errado"},
		},
		"nl": {
			stop:    []string{"afmelden", "uitschrijven", "opzeggen", "einde", "stoppen"},
			start:   []string{"aanmelden", "beginnen"},
			help:    []string{"hulp"},
			filler:  []string{"alsjeblieft", "alstublieft", "dank", "bedankt"},
			suspect: []string{"geen berichten", "verkeerd nummer"},
		},
		"pl": {
			stop:    []string{"koniec", "wypisz", "anuluj", "rezygnuję"},
			start:   []string{"zapisz", "wznów"},
			help:    []string{"pomoc"},
			filler:  []string{"proszę", "dziękuję"},
			suspect: []string{"nie pisać", "zły numer"},
		},
		"cs": {
			stop:    []string{"konec", "odhlásit", "zrušit"},
			start:   []string{"přihlásit", "obnovit"},
			help:    []string{"pomoc", "nápověda"},
			filler:  []string{"prosím", "děkuji", "díky"},
			suspect: []string{"nepište mi", "špatné číslo"},
		},
		"ru": {
			stop:    []string{"стоп", "отписаться", "отмена", "отказ"},
			start:   []string{"старт", "подписаться"},
			help:    []string{"помощь", "инфо"},
			filler:  []string{"пожалуйста", "спасибо"},
			suspect: []string{"не пишите", "не присылайте", "ошиблись номером"},
		},
	}
}
