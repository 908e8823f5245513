package emulator

import (
	"slices"
	"time"
)

// Profiles lists the makes that can be emulated. The first is a plain modem
// without boot sequence, latency or peculiarities.
func Profiles() []Profile {
	return []Profile{generic(), huaweiE173(), huaweiE3372(), sim800(), sim7600(), ec25(), wavecom()}
}

// ProfileByName finds one of [Profiles].
func ProfileByName(name string) (Profile, bool) {
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return all[i], true
}

func generic() Profile {
	return Profile{
		Name: "generic",
		Boot: []Timed{{0, "RDY"}, {0, "+CFUN: 1"}, {0, "+CPIN: READY"}, {0, "SMS Ready"}},
	}
}

// huaweiE173 is a USB stick of the E1xx family: vendor lines all the time,
// CR CR LF line ends, its own text for what it does not know, no AT+CMMS.
func huaweiE173() Profile {
	return Profile{
		Name: "huawei-e173", Manufacturer: "huawei", Model: "E173", Revision: "11.126.85.00.209", TAC: "86130801",
		Boot:     []Timed{{time.Second, "^BOOT:35323129,0,0,0,26"}, {2 * time.Second, "^SIMST:1"}, {3 * time.Second, "^SRVST:2"}, {3 * time.Second, "^MODE:5,4"}, {4 * time.Second, "^RSSI:17"}},
		BootTime: time.Second, SMSReady: 4 * time.Second,
		Chatter:  []Timed{{5 * time.Second, "^RSSI:17"}, {20 * time.Second, "^BOOT:35323129,0,0,0,26"}},
		OnCSQ:    []string{"^RSSI:17"},
		FullURC:  `^SMMEMFULL:"SM"`,
		Memories: []MemorySize{{"SM", 20}, {"ME", 255}, {"SR", 10}},
		Mem:      [3][]string{{"ME", "MT", "SM", "SR"}, {"ME", "MT", "SM", "SR"}, {"ME", "MT", "SM", "SR"}}, Preferred: "SM",
		CNMI:    [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 2}, {0, 1, 2}, {0, 1}},
		Unknown: "COMMAND NOT SUPPORT", Missing: []string{"+CESQ", "+CEREG", "+CCID", "+SPIC", "+QPINC"},
		Fixed: map[string]string{
			"^CURC": "", "^U2DIAG": "", "^PORTSEL": "", "^CVOICE?": "^CVOICE:0,8000,16,20", "^CVOICE": "", "^DDTMFCFG": "", "^DDSETEX": "",
			"^SYSINFO": "^SYSINFO:2,3,0,5,1,,4", "^GETPORTMODE": "^GETPORTMODE:TYPE:WCDMA:HUAWEI,MDM:0,DIAG:1,PCUI:2", "^HWVER": `^HWVER:"CD6E1TCPU"`,
			"^SYSCFG?": "^SYSCFG:2,0,3FFFFFFF,1,2", "^SYSCFG": "", "^CARDMODE": "^CARDMODE: 2",
		},
		SIMNumber: "^ICCID?", PINCounter: "^CPIN?", Restart: "^RESET", LineEnd: "\r\r\n", MMSRefused: true,
		USSD: "packed", Digit: "^DDTMF: %s",
		CallLines: CallLines{Dialled: "^ORIG:%d,0", Alerting: "^CONF:%d", Active: "^CONN:%d,0", Ended: "^CEND:%d,0,104,16"},
	}
}

// huaweiE3372 is an LTE stick in its serial mode.
func huaweiE3372() Profile {
	return Profile{
		Name: "huawei-e3372", Manufacturer: "huawei", Model: "E3372", Revision: "21.326.62.00.55", TAC: "86682302",
		Boot:     []Timed{{2 * time.Second, "^SIMST:1"}, {3 * time.Second, `^HCSQ:"LTE",60,52,106,24`}, {4 * time.Second, "^SRVST:2"}},
		BootTime: time.Second, SMSReady: 4 * time.Second,
		Chatter:  []Timed{{4 * time.Second, `^HCSQ:"LTE",60,52,106,24`}, {7 * time.Second, "^RSSI:26"}, {60 * time.Second, "^NWTIME:26/11/21,08:54:48+04,00"}},
		OnCSQ:    []string{"^RSSI:26", `^HCSQ:"LTE",60,52,106,24`},
		OnSubmit: []string{`^HCSQ:"LTE",58,50,101,22`},
		FullURC:  `^SMMEMFULL:"SM"`,
		Memories: []MemorySize{{"SM", 20}, {"ME", 255}},
		Mem:      [3][]string{{"SM", "ME"}, {"SM", "ME"}, {"SM", "ME"}},
		CNMI:     [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 2}, {0, 1, 2}, {0, 1}},
		Unknown:  "COMMAND NOT SUPPORT", Missing: []string{"+CCID", "+SPIC", "+QPINC"},
		Fixed: map[string]string{
			"^CURC": "", "^PORTSEL": "", "^USSDMODE": "", "^SYSINFOEX": `^SYSINFOEX:2,3,0,1,,6,"LTE",101,"LTE"`, "^HCSQ?": `^HCSQ:"LTE",60,52,106,24`,
			"^CVOICE?": "^CVOICE:1", "^SYSCFGEX?": `^SYSCFGEX:"00",3FFFFFFF,1,2,7FFFFFFFFFFFFFFF`, "^SYSCFGEX": "",
		},
		SIMNumber: "^ICCID?", PINCounter: "^CPIN?", Restart: "^RESET",
	}
}

// sim800 is a UART module: slow to start, error 100 for what it does not know.
func sim800() Profile {
	return Profile{
		Name: "sim800", Manufacturer: "SIMCOM_Ltd", Model: "SIMCOM_SIM800L", Revision: "Revision:1418B05SIM800L24", TAC: "86978103",
		Boot:     []Timed{{time.Second, "RDY"}, {time.Second, "+CFUN: 1"}, {2 * time.Second, "+CPIN: READY"}, {4 * time.Second, "Call Ready"}, {5 * time.Second, "SMS Ready"}},
		BootTime: time.Second, SMSReady: 5 * time.Second,
		Memories: []MemorySize{{"SM", 30}, {"SR", 0}},
		Mem:      [3][]string{{"SM", "MT"}, {"SM", "MT"}, {"SM", "MT"}},
		CNMI:     [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 2}, {0, 1}, {0, 1}},
		Unknown:  "+CME ERROR: 100", Missing: []string{"+CLAC", "+CESQ", "+CEREG", "+CGREG", "+QPINC"},
		Fixed: map[string]string{
			"+CIURC": "", "+CLTS": "", "+CLTS?": "+CLTS: 0", "+CSCLK": "", "+DDET": "", "+MORING": "", "+CBC": "+CBC: 0,92,4117",
			"+VTS=?": "+VTS: (0-9,*,#,A,B,C,D),(1-255)", "+CSMINS?": "+CSMINS: 0,1", "+CPOWD": "",
		},
		PINCounter: "+SPIC", IndexFrom: 1,
	}
}

// sim7600 is an LTE module whose status report memory cannot be read.
func sim7600() Profile {
	return Profile{
		Name: "sim7600", Manufacturer: "SIMCOM INCORPORATED", Model: "SIMCOM_SIM7600E-H", Revision: "LE20B04SIM7600M22", TAC: "86186803",
		Boot:     []Timed{{2 * time.Second, "RDY"}, {3 * time.Second, "+CPIN: READY"}, {4 * time.Second, "SMS DONE"}, {6 * time.Second, "PB DONE"}},
		BootTime: 2 * time.Second, SMSReady: 4 * time.Second,
		Memories: []MemorySize{{"ME", 23}, {"SM", 20}, {"SR", 0}},
		Mem:      [3][]string{{"ME", "MT", "SM", "SR"}, {"ME", "MT", "SM", "SR"}, {"ME", "MT", "SM", "SR"}}, Preferred: "SM",
		CNMI:    [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 2}, {0, 1, 2}, {0, 1}},
		Missing: []string{"+QPINC", "+CCID"},
		Fixed: map[string]string{
			"+CNSMOD": "", "+CNSMOD?": "+CNSMOD: 0,8", "+CPCMREG": "", "+CVHU": "", "+CPSI?": "+CPSI: LTE,Online,262-01,0x4A2F,27447553,206,EUTRAN-BAND3,1300,5,5,-95,-901,-615,15",
		},
		SIMNumber: "+CICCID", PINCounter: "+SPIC", Restart: "+CRESET", NoReportMemory: true,
		Digit: "+RXDTMF: %s", CallLines: CallLines{Active: "VOICE CALL: BEGIN", Ended: "VOICE CALL: END: 000012"},
	}
}

// ec25 is an LTE module that announces stored reports where they are not.
func ec25() Profile {
	return Profile{
		Name: "ec25", Manufacturer: "Quectel", Model: "EC25", Revision: "EC25EFAR06A06M4G", TAC: "86780603",
		Boot:     []Timed{{2 * time.Second, "RDY"}, {2 * time.Second, "+CFUN: 1"}, {3 * time.Second, "+CPIN: READY"}, {3 * time.Second, "+QUSIM: 1"}, {4 * time.Second, "+QIND: SMS DONE"}, {6 * time.Second, "+QIND: PB DONE"}},
		BootTime: 2 * time.Second, SMSReady: 4 * time.Second,
		FullURC:  `+QIND: "smsfull","ME"`,
		Memories: []MemorySize{{"ME", 255}, {"SM", 50}, {"SR", 10}},
		Mem:      [3][]string{{"ME", "MT", "SM", "SR"}, {"ME", "MT", "SM", "SR"}, {"ME", "MT", "SM", "SR"}},
		CNMI:     [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 2}, {0, 1, 2}, {0, 1}},
		Missing:  []string{"+SPIC"},
		Fixed: map[string]string{
			"+QURCCFG": "", `+QURCCFG?`: `+QURCCFG: "urcport","usbat"`, "+QINDCFG": "", "+QCFG": "", "^DSCI": "", "+QTONEDET": "", "+QPCMV": "", "+QINISTAT": "+QINISTAT: 7",
			"+QNWINFO": `+QNWINFO: "FDD LTE","26201","LTE BAND 3",1300`,
		},
		SIMNumber: "+QCCID", PINCounter: "+QPINC?", ReportsAsSM: true,
		Digit:     "+QTONEDET: %d",
		CallLines: CallLines{Dialled: "^DSCI: %d,0,2,0,,0", Alerting: "^DSCI: %d,0,7,0,,0", Active: "^DSCI: %d,0,3,0,,0", Ended: "^DSCI: %d,0,6,0,,0"},
	}
}

// wavecom is a GSM modem of the first years: +WIND lines, nested memory list,
// buffers only with bfr=1, AT+CPIN? without OK, no device memory.
func wavecom() Profile {
	return Profile{
		Name: "wavecom", Manufacturer: "WAVECOM MODEM", Model: "MULTIBAND  900E  1800", Revision: "641b09gg.Q2403A 1320676 061804 14:38", TAC: "33205901",
		Boot:     []Timed{{time.Second, "+WIND: 1"}, {2 * time.Second, "+WIND: 3"}, {4 * time.Second, "+WIND: 4"}, {5 * time.Second, "+WIND: 7"}},
		BootTime: 2 * time.Second, SMSReady: 4 * time.Second,
		Memories: []MemorySize{{"SM", 15}, {"SR", 10}},
		Mem:      [3][]string{{"SM", "SR"}, {"SM"}, {"SM"}},
		CPMSTest: `+CPMS: (("SM","BM","SR"),("SM"))`,
		CNMI:     [5][]int{{0, 1, 2}, {0, 1, 2, 3}, {0, 2}, {0, 1, 2}, {1}},
		Missing:  []string{"+CLAC", "+CESQ", "+CEREG", "+CGREG", "+SPIC", "+QPINC"},
		Fixed:    map[string]string{"+WIND": "", "+WIND?": "+WIND: 32767", "+WOPEN?": "+WOPEN: 0", "+CBC": "+CBC: 0,100"},
		Unknown:  "ERROR", PINWithoutOK: true, IndexFrom: 1,
	}
}
