package experiments

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"netlmm/testbed"
)

// ResultFile is what an experiment leaves in its folder beside tables and pictures.
const ResultFile = "result.json"

// Result is what an experiment found.
type Result struct {
	Name        string              `json:"name"`
	Title       string              `json:"title"`
	Paper       string              `json:"paper,omitempty"`
	Question    string              `json:"question"`
	Says        []string            `json:"says"`  // what it shows
	Marks       []string            `json:"marks"` // which of its figures say nothing in emulation, and why
	Failure     string              `json:"failure,omitempty"`
	Pictures    []Picture           `json:"pictures"`
	Tables      []Table             `json:"tables"`
	Environment testbed.Environment `json:"environment"`
	When        time.Time           `json:"when"`
	Seconds     float64             `json:"seconds"`
}

// Table is one of an experiment's; File.csv and File.json hold it. Cells are text, numbers, or nil where there is nothing.
type Table struct {
	File    string   `json:"file"`
	Caption string   `json:"caption"`
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
	Long    bool     `json:"long,omitempty"` // too long for the page
}

// Picture is a plot; File.svg and File.png hold it.
type Picture struct {
	File    string `json:"file"`
	Caption string `json:"caption"`
	Mark    string `json:"mark,omitempty"` // what of it says nothing in emulation
}

// saysf adds a sentence to what an experiment shows.
func (r *Result) saysf(format string, arguments ...any) {
	r.Says = append(r.Says, fmt.Sprintf(format, arguments...))
}

// write stores a result with its tables.
func (r *Result) write(folder string) error {
	for _, t := range r.Tables {
		if err := t.write(folder); err != nil {
			return err
		}
	}
	return writeJSON(filepath.Join(folder, ResultFile), r)
}

func writeJSON(file string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(content, '\n'), 0o644)
}

// write stores a table for spreadsheets, and as a list of objects for programs.
func (t Table) write(folder string) (err error) {
	objects := make([]map[string]any, 0, len(t.Rows))
	out, err := os.Create(filepath.Join(folder, t.File+".csv"))
	if err != nil {
		return err
	}
	defer out.Close()
	lines := csv.NewWriter(out)
	if err := lines.Write(t.Columns); err != nil {
		return err
	}
	for _, row := range t.Rows {
		object, line := map[string]any{}, make([]string, len(row))
		for i, value := range row {
			object[t.Columns[i]], line[i] = value, plain(value)
		}
		objects = append(objects, object)
		if err := lines.Write(line); err != nil {
			return err
		}
	}
	lines.Flush()
	if err := lines.Error(); err != nil {
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return writeJSON(filepath.Join(folder, t.File+".json"), objects)
}

// plain is a cell as CSV has it.
func plain(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}

// shown is a cell as the page has it.
func shown(value any) string {
	switch v := value.(type) {
	case nil:
		return "–"
	case float64:
		if v == float64(int64(v)) {
			return strconv.FormatInt(int64(v), 10)
		}
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return fmt.Sprint(value)
}
