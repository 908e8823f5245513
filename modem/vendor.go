package modem

import (
	"strings"
	"time"
)

// vendor is what a family of modems needs beyond the common sequence. Every command is soft: its refusal changes nothing.
type vendor struct {
	name  string
	match []string // in manufacturer or model, lower case
	setup []string // once per session
	iccid []string // commands that read the card's number, tried before the common ones
	tries string   // command that reads how many PIN entries are left
	index int      // field of its answer that counts for PIN 1
	gap   time.Duration
	boots bool // refuses SMS commands until a boot indication came
}

// vendors is searched in order; the last row matches everything.
var vendors = []vendor{
	{name: "huawei", match: []string{"huawei", "brovi"}, iccid: []string{"^ICCID?"},
		setup: []string{"^U2DIAG=0", "^CURC=1", "^PORTSEL=0"}, tries: "^CPIN?", index: 3},
	{name: "simcom", match: []string{"simcom", "sim800", "sim900", "sim7", "a7670"}, iccid: []string{"+CCID", "+CICCID"},
		setup: []string{"+CIURC=1", "+CLTS=0", "+CSCLK=0"}, tries: "+SPIC", boots: true},
	{name: "quectel", match: []string{"quectel", "ec25", "ec20", "eg25", "m95", "m26"}, iccid: []string{"+QCCID", "+CCID"},
		setup: []string{`+QURCCFG="urcport","usbat"`, `+QINDCFG="smsfull",1`}, tries: "+QPINC?", index: 1, boots: true},
	{name: "telit", match: []string{"telit"}, iccid: []string{"#CCID", "+CCID"}, setup: []string{"#QSS=0"}, tries: "#PCT"},
	{name: "u-blox", match: []string{"u-blox", "ublox"}, iccid: []string{"+CCID"}, setup: []string{"+UPSV=0"}, tries: "+UPINCNT"},
	{name: "cinterion", match: []string{"cinterion", "siemens", "gemalto", "thales"}, iccid: []string{"+CCID", "^SCID"}, tries: "^SPIC"},
	{name: "sierra", match: []string{"sierra"}, iccid: []string{"!ICCID?", "+CCID"}, tries: "+CPINC?"},
	{name: "wavecom", match: []string{"wavecom"}, iccid: []string{"+CCID"}, setup: []string{"+WIND=0"}, tries: "+CPINC?",
		gap: 50 * time.Millisecond},
	{name: "zte", match: []string{"zte"}, iccid: []string{"+ZGETICCID", "+CCID"}, setup: []string{"+ZSNT=0,0,0"}, tries: "+ZPINPUK=?"},
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
