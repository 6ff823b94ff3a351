package mobility_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the totals of RFCS.md anew")

const beginTotals, endTotals = "<!-- totals -->\n", "<!-- /totals -->"

// row is one requirement of the ledger.
type row struct {
	file                                     string
	line                                     int
	rfc, section                             string
	clause, who, level, demand, where, proof string
}

// must says whether the row is one of those that RFC 2119 calls absolute.
func (r row) must() bool {
	return strings.HasPrefix(r.level, "MUST") || strings.HasPrefix(r.level, "SHALL")
}

// binds says whether the row asks for anything: not of who does not offer what it is about, where the RFC leaves that to choice.
func (r row) binds() bool { return r.open() != notApplicable }

// notApplicable is the word of a row that does not bind.
const notApplicable = "not applicable"

// open is why the row is not covered; "" when it is.
func (r row) open() string {
	return strings.Trim(openWord.FindString(r.proof), "*")
}

func (r row) String() string {
	return fmt.Sprintf("%s:%d: %s section %s, clause %s", r.file, r.line, r.rfc, r.section, r.clause)
}

var (
	openWord = regexp.MustCompile(`^\*\*(not yet|deviates|unproven|omitted|not applicable)\*\*`)
	optional = regexp.MustCompile(`not offered.*\b(MAY|could|default)\b|^\*\*not applicable\*\*: as `)
	quoted   = regexp.MustCompile("`[^`]+`")
	levels   = []string{"MUST", "MUST NOT", "SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT"}
	parties  = []string{"MAG", "LMA", "both"}
)

// ledgers are the files of the ledger: one for each RFC, the first of which has the totals of all.
var ledgers = []string{"RFCS.md", "RFCS-5844.md", "RFCS-5846.md", "RFCS-5847.md", "RFCS-5949.md", "RFCS-6909.md"}

// readLedger reads the tables of all files, and returns the text of the first.
func readLedger(t *testing.T) (rows []row, text string) {
	t.Helper()
	for _, file := range ledgers {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, readTables(t, file, string(content))...)
		if file == ledgers[0] {
			text = string(content)
		}
	}
	return rows, text
}

func readTables(t *testing.T, file, content string) (rows []row) {
	t.Helper()
	var rfc, section string
	for i, line := range strings.Split(content, "\n") {
		switch {
		case strings.HasPrefix(line, "## "):
			rfc = line[3:]
		case strings.HasPrefix(line, "### "):
			section, _, _ = strings.Cut(line[4:], " ")
		case strings.HasPrefix(line, "| "):
			cells := strings.Split(strings.Trim(line, "| "), "|")
			for c := range cells {
				cells[c] = strings.TrimSpace(cells[c])
			}
			if len(cells) != 6 {
				t.Errorf("%s:%d: %d cells, want 6", file, i+1, len(cells))
			} else if cells[0] != "Clause" {
				rows = append(rows, row{file, i + 1, rfc, section, cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]})
			}
		}
	}
	return rows
}

// TestConformanceLedger holds the ledger against the tree: what it names exists, and what it counts is counted right.
func TestConformanceLedger(t *testing.T) {
	rows, text := readLedger(t)
	seen := map[string]bool{}
	for _, r := range rows {
		if key := r.rfc + r.section + "/" + r.clause; seen[key] {
			t.Errorf("%v stands twice", r)
		} else {
			seen[key] = true
		}
		if !slices.Contains(levels, r.level) || !slices.Contains(parties, r.who) || r.demand == "" {
			t.Errorf("%v: level %q, who %q, requirement %q", r, r.level, r.who, r.demand)
		}
		for _, q := range quoted.FindAllString(r.where, -1) {
			if err := findCode(strings.Trim(q, "`")); err != nil {
				t.Errorf("%v: where: %v", r, err)
			}
		}
		checkProof(t, r)
	}
	sections, totals := count(rows, func(r row) string { return r.rfc + " section " + r.section }), count(rows, func(r row) string { return r.rfc })
	t.Log("\n" + sections + "\n" + totals)
	compareTotals(t, text, totals)
}

// compareTotals holds the totals in the text against the counted ones, or writes them.
func compareTotals(t *testing.T, text, totals string) {
	t.Helper()
	before, rest, found := strings.Cut(text, beginTotals)
	stated, after, closed := strings.Cut(rest, endTotals)
	switch {
	case !found || !closed:
		t.Errorf("RFCS.md has no %s and %s around its totals", strings.TrimSpace(beginTotals), endTotals)
	case stated == totals:
	case *update:
		if err := os.WriteFile("RFCS.md", []byte(before+beginTotals+totals+endTotals+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("RFCS.md says\n%s\nand its rows say\n%s\n(`go test ./mobility -run Conformance -update` if that is meant)", stated, totals)
	}
}

// checkProof: a covered row names at least one test and where the thing is done; every test that any row names exists. A
// word after an open row's reason is free text, in which only what looks like a test is looked up.
func checkProof(t *testing.T, r row) {
	t.Helper()
	proofs := 0
	for _, q := range quoted.FindAllString(r.proof, -1) {
		name := strings.Trim(q, "`")
		if r.open() != "" && !strings.Contains(name, ".Test") {
			continue
		}
		if err := findProof(name); err != nil {
			t.Errorf("%v: proof: %v", r, err)
		}
		proofs++
	}
	if !r.binds() && !optional.MatchString(r.proof) {
		t.Errorf("%v does not say what is not offered, and that the RFC leaves it to choice", r)
	}
	if r.open() == "" && (proofs == 0 || r.where == "") {
		t.Errorf("%v has no proof, or no place, and does not say why", r)
	}
}

// tally counts the rows of one section or document.
type tally struct {
	must, should counts
}

// counts are rows of one kind: those that bind, by the word why they are not covered, and those that do not.
type counts struct {
	bind, covered, notApplicable int
	open                         map[string]int
}

// count is a line for each group of rows, in the order in which the groups begin.
func count(rows []row, group func(row) string) string {
	tallies := map[string]*tally{}
	var order []string
	for _, r := range rows {
		name := group(r)
		if tallies[name] == nil {
			tallies[name] = &tally{counts{open: map[string]int{}}, counts{open: map[string]int{}}}
			order = append(order, name)
		}
		tallies[name].add(r)
	}
	var b strings.Builder
	for _, name := range order {
		fmt.Fprintf(&b, "* %s: %v\n", name, tallies[name])
	}
	return b.String()
}

func (c *tally) add(r row) {
	kind := &c.should
	if r.must() {
		kind = &c.must
	}
	if !r.binds() {
		kind.notApplicable++
		return
	}
	if kind.bind++; r.open() == "" {
		kind.covered++
	} else {
		kind.open[r.open()]++
	}
}

func (c *tally) String() string {
	return strings.Join(slices.DeleteFunc([]string{c.must.describe("MUST"), c.should.describe("SHOULD")}, func(s string) bool { return s == "" }), ". ")
}

func (c *counts) describe(level string) string {
	if c.bind+c.notApplicable == 0 {
		return ""
	}
	line := fmt.Sprintf("%d %s rows bind, %d covered", c.bind, level, c.covered)
	for _, why := range slices.Sorted(maps.Keys(c.open)) {
		line += fmt.Sprintf(", %d %s", c.open[why], why)
	}
	if c.notApplicable > 0 {
		line += fmt.Sprintf("; %d not applicable", c.notApplicable)
	}
	return line
}

// resolve finds a path of the ledger: under mobility/, where this test runs, else under the root.
func resolve(path string) (string, bool) {
	for _, candidate := range []string{path, filepath.Join("..", path)} {
		if _, err := os.Stat(candidate); err == nil {
			return candidate, true
		}
	}
	return "", false
}

// findCode looks up "file" or "file:identifier".
func findCode(name string) error {
	file, identifier, _ := strings.Cut(name, ":")
	path, ok := resolve(file)
	if !ok {
		return fmt.Errorf("there is no %s", file)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if identifier != "" && !regexp.MustCompile(`\b`+regexp.QuoteMeta(identifier)+`\b`).Match(content) {
		return fmt.Errorf("%s has no %s", file, identifier)
	}
	return nil
}

// findProof looks up "directory.TestFunction" or "directory/scenario".
func findProof(name string) error {
	if directory, function, ok := strings.Cut(name, ".Test"); ok {
		return findTest(directory, "Test"+function)
	}
	directory, scenario := filepath.Split(name)
	if _, ok := resolve(filepath.Join(directory, "testdata", "scenarios", scenario)); !ok {
		return fmt.Errorf("there is no scenario %s", name)
	}
	return nil
}

func findTest(directory, function string) error {
	path, ok := resolve(directory)
	if !ok {
		return fmt.Errorf("there is no directory %s", directory)
	}
	files, err := filepath.Glob(filepath.Join(path, "*_test.go"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.Contains(string(content), "\nfunc "+function+"(t *testing.T)") {
			return nil
		}
	}
	return fmt.Errorf("no %s in %s", function, directory)
}
