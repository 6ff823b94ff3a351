package packaging

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// step is one thing that a reader of docs/deploy.md does, in the document's order. Fenced blocks that name a host are done there:
//
//	```console host=lma,mag1     commands behind "# ", each with what it prints; "..." stands for any text, alone in a line for any lines
//	```yaml host=lma file=PATH   a file to write
//
// and comments say what a reader does with his hands:
//
//	<!-- copy lma:/FROM mag1:/TO -->   <!-- carry laptop to mag2 -->
//
// Blocks that name no host are for reading.
type step struct {
	line    int
	hosts   []string
	command string   // to run
	output  []string // what it prints; none: whatever it prints
	file    string   // to write,
	content string   // with this in it
	action  []string // the words of a comment
}

var (
	fence  = regexp.MustCompile("^```(\\S+) host=(\\S+?)(?: file=(\\S+))?$")
	action = regexp.MustCompile(`^<!-- ((?:copy|carry) .*) -->$`)
)

// readDocument finds the steps of a document.
func readDocument(path string) ([]step, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var steps []step
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		if words := action.FindStringSubmatch(lines[i]); words != nil {
			steps = append(steps, step{line: i + 1, action: strings.Fields(words[1])})
			continue
		}
		if !strings.HasPrefix(lines[i], "```") {
			continue
		}
		start := i + 1
		for i++; i < len(lines) && lines[i] != "```"; i++ {
		}
		if i == len(lines) {
			return nil, fmt.Errorf("%s:%d: this block does not end", path, start)
		}
		if found, err := block(lines[start-1], lines[start:i], start); err != nil {
			return nil, fmt.Errorf("%s:%w", path, err)
		} else {
			steps = append(steps, found...)
		}
	}
	return steps, nil
}

// block reads one fenced block; line is that of its first line of content.
func block(opening string, lines []string, line int) ([]step, error) {
	head := fence.FindStringSubmatch(opening)
	if head == nil {
		if strings.Contains(opening, "=") {
			return nil, fmt.Errorf("%d: %q: want ```LANGUAGE host=HOST,... file=PATH", line, opening)
		}
		return nil, nil
	}
	hosts := strings.Split(head[2], ",")
	if head[3] != "" {
		return []step{{line: line, hosts: hosts, file: head[3], content: strings.Join(lines, "\n") + "\n"}}, nil
	}
	var steps []step
	for i, text := range lines {
		command, isCommand := strings.CutPrefix(text, "# ")
		switch {
		case isCommand:
			steps = append(steps, step{line: line + i + 1, hosts: hosts, command: command})
		case len(steps) == 0:
			return nil, fmt.Errorf("%d: output before the first command", line+i+1)
		default:
			last := &steps[len(steps)-1]
			last.output = append(last.output, text)
		}
	}
	return steps, nil
}

// matches says whether output is what the document promises: lines alike but for the amount of space, "..." for any text in a
// line, and alone for any lines.
func matches(want []string, output string) bool {
	pattern := `^`
	for _, line := range want {
		if strings.TrimSpace(line) == "..." {
			pattern += `(?:.*\n)*`
			continue
		}
		var words []string
		for _, word := range strings.Fields(line) {
			words = append(words, strings.ReplaceAll(regexp.QuoteMeta(word), `\.\.\.`, `.*`))
		}
		pattern += `[ \t]*` + strings.Join(words, `[ \t]+`) + `[ \t]*\n`
	}
	return regexp.MustCompile(pattern + `$`).MatchString(strings.TrimRight(strings.ReplaceAll(output, "\r\n", "\n"), "\n") + "\n")
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		want, output string
		match        bool
	}{
		{"a  b", "a b\n", true},
		{"a ... c", "a b b c", true},
		{"...\nb", "a\na\nb\n", true},
		{"...\nb", "b\n", true},
		{"a", "a\nb\n", false},
		{"a.c", "abc\n", false},
		{"a\n...", "a\n", true},
	} {
		if got := matches(strings.Split(c.want, "\n"), c.output); got != c.match {
			t.Errorf("matches(%q, %q) = %v", c.want, c.output, got)
		}
	}
}

// TestDocument: the walk-through can be read by the test that follows it, and what its troubleshooting table says that the programs
// say, they say.
func TestDocument(t *testing.T) {
	steps, err := readDocument("../docs/deploy.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) == 0 {
		t.Error("nothing in it is done")
	}
	messages := messagesOf(t, "../docs/deploy.md")
	if len(messages) == 0 {
		t.Error("no table of messages")
	}
	source := goSource(t)
	for _, message := range messages {
		for _, part := range strings.Split(message, "...") {
			if part = strings.TrimSpace(part); !strings.Contains(source, part) {
				t.Errorf("no program says %q", part)
			}
		}
	}
}

// messagesOf are those in backquotes at the start of the rows of the table below "Troubleshooting".
func messagesOf(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Troubleshooting")
	var messages []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1) {
		messages = append(messages, row[1])
	}
	return messages
}

// goSource is what the programs can say: their source, and the units that systemd reads.
func goSource(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, room := range []string{"../cmd", "../configs", "../mobility", "../mih", "../security", "../ap-adapters", "../packaging"} {
		err := filepath.WalkDir(room, func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || !slices.Contains([]string{".go", ".service"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
