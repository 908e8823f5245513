package modem

import (
	"strings"
	"time"
)

// vendor is what a family of modems needs beyond the common sequence. Every command is soft: its refusal changes nothing.
type vendor struct {
	name     string
	match    []string // in manufacturer or model, lower case
	setup    []string // once per session
	iccid    []string // commands that read the card's number, tried before the common ones
	tries    string   // command that reads how many PIN entries are left
	index    int      // field of its answer that counts for PIN 1
	pukIndex int      // field that counts for the PUK; 0 when it is not known
	calls    []string // so that the modem tells of calls and keys; once per session
	reset    []string // commands that restart the modem, tried before +CFUN=1,1
	gap      time.Duration
	boots    bool // refuses SMS commands until a boot indication came
}

// vendors is searched in order; the last row matches everything.
var vendors = []vendor{
	{name: "huawei", match: []string{"huawei", "brovi"}, iccid: []string{"^ICCID?"},
		setup: []string{"^U2DIAG=0", "^CURC=1", "^PORTSEL=0"}, tries: "^CPIN?", index: 3, pukIndex: 2,
		calls: []string{"^DDTMFCFG=0,1", "^USSDMODE=0"}, reset: []string{"^RESET"}},
	{name: "simcom", match: []string{"simcom", "sim800", "sim900", "sim7", "a7670"}, iccid: []string{"+CCID", "+CICCID"},
		setup: []string{"+CIURC=1", "+CLTS=0", "+CSCLK=0"}, tries: "+SPIC", pukIndex: 1, boots: true,
		calls: []string{"+CLCC=1", "+DDET=1"}, reset: []string{"+CRESET"}},
	{name: "quectel", match: []string{"quectel", "ec25", "ec20", "eg25", "m95", "m26"}, iccid: []string{"+QCCID", "+CCID"},
		setup: []string{`+QURCCFG="urcport","usbat"`, `+QINDCFG="smsfull",1`}, tries: "+QPINC?", index: 1, pukIndex: 2, boots: true,
		calls: []string{"^DSCI=1", "+QTONEDET=1"}},
	{name: "telit", match: []string{"telit"}, iccid: []string{"#CCID", "+CCID"}, setup: []string{"#QSS=0"}, tries: "#PCT",
		calls: []string{"#ECAM=1", "#DTMF=1"}, reset: []string{"#REBOOT"}},
	{name: "u-blox", match: []string{"u-blox", "ublox"}, iccid: []string{"+CCID"}, setup: []string{"+UPSV=0"}, tries: "+UPINCNT",
		pukIndex: 2, calls: []string{"+UCALLSTAT=1", "+UDTMFD=1,2"}, reset: []string{"+CFUN=16"}},
	{name: "cinterion", match: []string{"cinterion", "siemens", "gemalto", "thales"}, iccid: []string{"+CCID", "^SCID"}, tries: "^SPIC"},
	{name: "sierra", match: []string{"sierra"}, iccid: []string{"!ICCID?", "+CCID"}, tries: "+CPINC?", pukIndex: 2, reset: []string{"!RESET"}},
	{name: "wavecom", match: []string{"wavecom"}, iccid: []string{"+CCID"}, setup: []string{"+WIND=0"}, tries: "+CPINC?",
		gap: 50 * time.Millisecond},
	{name: "zte", match: []string{"zte"}, iccid: []string{"+ZGETICCID", "+CCID"}, setup: []string{"+ZSNT=0,0,0"}, tries: "+ZPINPUK=?",
		calls: []string{"^DSCI=1"}, reset: []string{"+ZRST"}},
	{name: "mediatek", match: []string{"mediatek", "mtk"}, iccid: []string{"+ICCID"}, tries: "+EPINC"},
	{name: "generic"},
}

func vendorOf(manufacturer, model string) *vendor {
	id := strings.ToLower(manufacturer + " " + model)
	for i := range vendors {
		for _, m := range vendors[i].match {
			if strings.Contains(id, m) {
				return &vendors[i]
			}
		}
	}
	return &vendors[len(vendors)-1]
}
