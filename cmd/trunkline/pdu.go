package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"trunkline/pdu"
)

// newPDUCommand makes the verbs that read and write PDUs without a modem.
func newPDUCommand(c *cli) *cobra.Command {
	return group("pdu", "Read and write PDUs, and see what a text costs", newPDUDecodeCommand(c), newPDUEncodeCommand(c), newPDUSplitCommand(c))
}

// pduInput is one entry of a list on standard input.
type pduInput struct {
	ID        string `json:"id"`
	PDU       string `json:"pdu"`
	HasSMSC   *bool  `json:"has_smsc"`  // default: as the flags say
	Direction string `json:"direction"` // "mt" or "mo"; default: as the flags say
}

func newPDUDecodeCommand(c *cli) *cobra.Command {
	var mo, mt, smsc, noSMSC bool
	cmd := &cobra.Command{
		Use:   "decode [HEX...]",
		Short: "Print every field of PDUs as a modem prints them",
		Long: "Decodes PDUs in hexadecimal, received ones with the service centre's address in front unless told otherwise.\n" +
			"Without HEX they come from standard input: one a line, or with --json a list of {\"id\",\"pdu\",\"has_smsc\",\"direction\"}; then one object a line is printed for each, malformed or not.\n" +
			"Of a malformed PDU the field and the octet are told, and what could be read. A malformed PDU on the command line ends the verb with 1.",
		Example:     "  trunkline pdu decode 07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07",
		Annotations: printsJSON("an object a line for each PDU, with every field of the message; of a malformed one `error`, `field`, `offset` and what could be read"),
		Args:        cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if mo && mt || smsc && noSMSC {
				return usagef(seeHelp(cmd), "--mo and --mt, and --smsc and --no-smsc, exclude each other")
			}
			inputs, err := pduInputs(cmd.InOrStdin(), args, c.json)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			defer out.Flush()
			malformed := 0
			for i, in := range inputs {
				withSMSC := !noSMSC
				if in.HasSMSC != nil {
					withSMSC = *in.HasSMSC
				}
				dir := pdu.MobileTerminated
				if mo && in.Direction == "" || in.Direction == "mo" {
					dir = pdu.MobileOriginated
				}
				m, err := pdu.DecodeHex(in.PDU, dir, withSMSC)
				if err != nil {
					malformed++
				}
				shown := describePDU(in.ID, in.PDU, dir, withSMSC, m, err)
				if c.json {
					line, err := json.Marshal(shown)
					if err != nil {
						return err
					}
					fmt.Fprintf(out, "%s\n", line)
					continue
				}
				if i > 0 {
					fmt.Fprintln(out)
				}
				printPDU(out, shown, m)
			}
			if malformed > 0 && len(args) > 0 {
				return fmt.Errorf("%d of %d malformed", malformed, len(inputs))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&mt, "mt", false, "to the mobile: deliver, status-report, submit-report (default)")
	cmd.Flags().BoolVar(&mo, "mo", false, "from the mobile: submit, deliver-report, command")
	cmd.Flags().BoolVar(&smsc, "smsc", false, "the service centre's address comes first (default)")
	cmd.Flags().BoolVar(&noSMSC, "no-smsc", false, "a bare TPDU")
	return cmd
}

// pduInputs returns what to decode: the arguments, or what is on standard input.
func pduInputs(stdin io.Reader, args []string, list bool) ([]pduInput, error) {
	var inputs []pduInput
	if len(args) > 0 {
		for _, arg := range args {
			inputs = append(inputs, pduInput{PDU: arg})
		}
		return inputs, nil
	}
	if list {
		if err := json.NewDecoder(stdin).Decode(&inputs); err != nil {
			return nil, usagef(`give PDUs as arguments, or a list such as [{"id":"a","pdu":"0791…","has_smsc":true,"direction":"mt"}] on standard input`, "standard input: %v", err)
		}
		for _, in := range inputs {
			if in.Direction != "" && in.Direction != "mt" && in.Direction != "mo" {
				return nil, usagef(`"mt" for to the mobile, "mo" for from it`, "%s: direction %q", in.ID, in.Direction)
			}
		}
		return inputs, nil
	}
	lines := bufio.NewScanner(stdin)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			inputs = append(inputs, pduInput{PDU: line})
		}
	}
	return inputs, lines.Err()
}

// pduTextFlags are the flags about how a text is cut.
type pduTextFlags struct {
	alphabet, transliterate string
	national                []string
	maxParts, class         int
	reference               uint16
	wide                    bool
	port                    uint16
}

func (f *pduTextFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.alphabet, "alphabet", "auto", "auto, gsm7 or ucs2")
	cmd.Flags().StringSliceVar(&f.national, "national", nil, "languages whose shift tables may be used, e.g. turkish,spanish, or all; many phones cannot read them")
	cmd.Flags().StringVar(&f.transliterate, "transliterate", "keep", "keep, gsm7 (replace what the GSM alphabet lacks) or ascii")
	cmd.Flags().IntVar(&f.maxParts, "max-parts", 0, "refuse texts of more parts (default 255)")
	cmd.Flags().IntVar(&f.class, "class", -1, "message class 0 to 3; 0 is a flash message")
	cmd.Flags().Uint16Var(&f.reference, "ref", 0, "reference of the concatenation")
	cmd.Flags().BoolVar(&f.wide, "wide", false, "16-bit reference")
	cmd.Flags().Uint16Var(&f.port, "port", 0, "destination port")
}

// split cuts the text of the arguments as the flags say.
func (f *pduTextFlags) split(args []string) (pdu.Split, error) {
	o := pdu.SplitOptions{Reference: f.reference, Wide: f.wide, MaxParts: f.maxParts}
	switch f.alphabet {
	case "auto":
	case "gsm7":
		o.Alphabet = pdu.GSM7
	case "ucs2":
		o.Alphabet = pdu.UCS2
	default:
		return pdu.Split{}, usagef("auto, gsm7 or ucs2", "--alphabet %q", f.alphabet)
	}
	for _, name := range f.national {
		if name == "all" {
			o.National = pdu.AllLanguages()
			continue
		}
		l, ok := pdu.ParseLanguage(name)
		if !ok {
			return pdu.Split{}, usagef(fmt.Sprint("one of ", pdu.AllLanguages(), " or all"), "--national %q", name)
		}
		o.National = append(o.National, l)
	}
	if f.class < -1 || f.class > 3 {
		return pdu.Split{}, usagef("0 to 3", "--class %d", f.class)
	}
	o.Class = pdu.Class(f.class + 1)
	if f.port != 0 {
		o.Ports = pdu.Ports{Dst: f.port, Bits: 16}
	}
	text := strings.Join(args, " ")
	switch f.transliterate {
	case "keep":
	case "gsm7":
		text = pdu.Transliterate(text, pdu.ToGSM7)
	case "ascii":
		text = pdu.Transliterate(text, pdu.ToASCII)
	default:
		return pdu.Split{}, usagef("keep, gsm7 or ascii", "--transliterate %q", f.transliterate)
	}
	s, err := pdu.SplitText(text, o)
	var character *pdu.CharacterError
	switch {
	case errors.As(err, &character):
		return s, hintError{err, "--alphabet auto takes UCS-2, --transliterate gsm7 replaces the character"}
	case errors.Is(err, pdu.ErrTooManyParts):
		return s, hintError{err, "shorten the text, raise --max-parts, or try --transliterate gsm7"}
	}
	return s, err
}

func newPDUEncodeCommand(c *cli) *cobra.Command {
	var text pduTextFlags
	var to, from, smsc string
	var report bool
	var validity time.Duration
	cmd := &cobra.Command{
		Use:         "encode --to NUMBER TEXT...",
		Short:       "Print the PDUs of a text, with the length to announce to the modem",
		Long:        "Prints a line for each part: the length for AT+CMGS, then the PDU. With --from instead of --to the PDUs are those of a received message, as a test wants them.",
		Example:     `  trunkline pdu encode --to +4915112345678 --report "See you at nine"`,
		Annotations: printsJSON("`{\"part\", \"length\", \"pdu\"}`, an object a line for each part"),
		Args:        cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			typ, number := pdu.Submit, to
			if from != "" {
				typ, number = pdu.Deliver, from
			}
			if number == "" || to != "" && from != "" {
				return usagef("--to for a message to send, --from for one that is received", "either --to or --from is needed")
			}
			address, err := pdu.ParseAddress(number)
			if err != nil && typ == pdu.Deliver {
				address, err = pdu.ParseAlphanumeric(number)
			}
			if err != nil {
				return usageError{err: err, hint: "a number is digits, with + in front when it begins with a country code"}
			}
			var centre pdu.Address
			if smsc != "" {
				if centre, err = pdu.ParseAddress(smsc); err != nil {
					return usageError{err: err, hint: "--smsc takes a number"}
				}
			}
			s, err := text.split(args)
			if err != nil {
				return err
			}
			for i := range s.Parts {
				m := s.Message(i, typ)
				m.Address, m.SMSC = address, centre
				switch typ {
				case pdu.Submit:
					m.SRR = report
					if validity > 0 {
						m.Validity = pdu.RelativeValidity(validity)
					}
				default:
					m.SCTS = pdu.TimestampOf(time.Now())
				}
				hex, length, err := pdu.EncodeHex(&m, true)
				if err != nil {
					return err
				}
				if !c.json {
					fmt.Fprintln(cmd.OutOrStdout(), length, hex)
					continue
				}
				if err := printJSON(cmd.OutOrStdout(), map[string]any{"part": i + 1, "length": length, "pdu": hex}); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "recipient: a message to send")
	cmd.Flags().StringVar(&from, "from", "", "originator: a message that is received")
	cmd.Flags().StringVar(&smsc, "smsc", "", "service centre (default: the modem's own)")
	cmd.Flags().BoolVar(&report, "report", false, "ask for a status report")
	cmd.Flags().DurationVar(&validity, "validity", 0, "how long the network keeps trying, e.g. 24h (default: its own choice)")
	text.register(cmd)
	return cmd
}

// splitShown is what "pdu split --json" prints.
type splitShown struct {
	Alphabet   string      `json:"alphabet"`
	Locking    string      `json:"locking,omitempty"` // languages of national tables
	Shift      string      `json:"shift,omitempty"`
	Parts      []partShown `json:"parts"`
	Units      int         `json:"units"`
	Capacity   int         `json:"capacity"`            // units that a part takes
	Left       int         `json:"left"`                // units that the last part still takes
	ForcedBy   string      `json:"forced_by,omitempty"` // first character that the default alphabet lacks
	Characters int         `json:"characters"`
}

type partShown struct {
	Units int    `json:"units"`
	Text  string `json:"text"`
}

func newPDUSplitCommand(c *cli) *cobra.Command {
	var text pduTextFlags
	cmd := &cobra.Command{
		Use:         "split TEXT...",
		Short:       "Show what a text costs: parts, alphabet, and the character that forced it",
		Example:     `  trunkline pdu split --transliterate gsm7 "Příliš žluťoučký kůň"`,
		Annotations: printsJSON("`{\"alphabet\", \"parts\": [{\"units\", \"text\"}, …], \"units\", \"capacity\", \"left\", \"forced_by\", \"characters\"}`"),
		Args:        cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := text.split(args)
			if err != nil {
				return err
			}
			shown := splitShown{Alphabet: s.Alphabet.String(), Units: s.Units, Capacity: s.Capacity, Left: s.Left()}
			if s.Locking != pdu.DefaultLanguage {
				shown.Locking = s.Locking.String()
			}
			if s.Shift != pdu.DefaultLanguage {
				shown.Shift = s.Shift.String()
			}
			if s.Limiting != 0 {
				shown.ForcedBy = string(s.Limiting)
			}
			for _, p := range s.Parts {
				shown.Parts = append(shown.Parts, partShown{p.Units, p.Text})
				shown.Characters += len([]rune(p.Text))
			}
			out := cmd.OutOrStdout()
			if c.json {
				return printJSON(out, shown)
			}
			w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "parts\t%d\n", len(s.Parts))
			fmt.Fprintf(w, "alphabet\t%s\n", strings.Join(strings.Fields(shown.Alphabet+" "+shown.Locking+" "+shown.Shift), " "))
			fmt.Fprintf(w, "characters\t%d\n", shown.Characters)
			fmt.Fprintf(w, "units\t%d, at most %d in a part, %d left\n", s.Units, s.Capacity, s.Left())
			if s.Limiting != 0 {
				fmt.Fprintf(w, "forced by\t%s (%U)\n", strconv.QuoteRune(s.Limiting), s.Limiting)
			}
			for i, p := range s.Parts {
				fmt.Fprintf(w, "part %d\t%d units\t%s\n", i+1, p.Units, oneLine(p.Text))
			}
			return w.Flush()
		},
	}
	text.register(cmd)
	return cmd
}
