package emulator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// smstoolsConfig is the part of smsd's configuration that depends on the make. Reports are read from their memory where
// the make has one that works, else taken as they come.
func smstoolsConfig(p Profile) string {
	ds, memory, bfr := 1, "", p.CNMI[4][0]
	for _, size := range p.Memories {
		if size.Name == "SR" && size.Slots > 0 && !p.ReportsAsSM && !p.NoReportMemory {
			ds, memory = 2, fmt.Sprintf("secondary_memory = SR\nsecondary_memory_max = %d\n", size.Slots)
		}
	}
	return fmt.Sprintf("init = AT+CNMI=2,0,0,%d,%d\nmemory_start = %d\nprimary_memory = %s\n%s", ds, bfr, p.IndexFrom, p.Preferred, memory)
}

func TestSMSTools(t *testing.T) {
	path := program(t, "smsd", "smstools")
	everyProfile(t, func(t *testing.T, ctx context.Context, h *interop) {
		dir := t.TempDir()
		for _, name := range []string{"outgoing", "checked", "incoming", "report", "failed", "sent"} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		config := fmt.Sprintf(`devices = GSM1
loglevel = 7
logfile = %[1]s/log
infofile = %[1]s/info
pidfile = %[1]s/pid
outgoing = %[1]s/outgoing
checked = %[1]s/checked
incoming = %[1]s/incoming
report = %[1]s/report
failed = %[1]s/failed
sent = %[1]s/sent
delaytime = 1
store_received_pdu = 0
incoming_utf8 = yes
decode_unicode_text = yes
internal_combine = yes
outgoing_utf8 = yes

[GSM1]
device = %[2]s
incoming = yes
report = yes
%[3]s`, dir, h.link, smstoolsConfig(h.p))
		file := filepath.Join(dir, "conf")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		texts := interopTexts()
		for i, text := range texts {
			alphabet := "UTF-8"
			if text == unicodeText {
				alphabet, text = "UCS\nAutosplit: 3", string(utf16BE(text))
			}
			body := fmt.Sprintf("To: %s\nReport: yes\nAlphabet: %s\n\n%s", strings.TrimPrefix(phoneNumber, "+"), alphabet, text)
			if err := os.WriteFile(filepath.Join(dir, "outgoing", itoa(i)), []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		h.write(t, ctx)

		startDaemon(t, ctx, h.cancel, filepath.Join(dir, "log"), path, "-t", "-c", file)

		h.awaitPhone(t, ctx, texts)
		for _, text := range texts {
			awaitFile(t, ctx, filepath.Join(dir, "incoming"), text)
		}
		awaitFile(t, ctx, filepath.Join(dir, "report"), "Status: 0,Ok,short message received by the SME")
	})
}
