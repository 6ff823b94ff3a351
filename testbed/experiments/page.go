package experiments

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
)

// PageFile is the page in the folder of the report. It needs nothing else to be read; its links to tables and pictures lead into the
// folder.
const PageFile = "index.html"

//go:embed page.html.tmpl
var pageText string

//go:embed domain.svg
var domainPicture string

var page = template.Must(template.New("page").Funcs(template.FuncMap{"shown": shown, "join": strings.Join}).Parse(pageText))

// section is one experiment on the page.
type section struct {
	*Result
	Shown []shownPicture
}

// shownPicture is a picture with its bytes.
type shownPicture struct {
	Picture
	Data template.URL
}

// BuildPage makes the page of every result that it finds in the folders of a report.
func BuildPage(folder string) error {
	var sections []section
	for _, x := range All() {
		content, err := os.ReadFile(filepath.Join(folder, x.Name, ResultFile))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		s := section{Result: &Result{}}
		if err == nil {
			err = json.Unmarshal(content, s.Result)
		}
		if err == nil {
			s.Shown, err = pictures(filepath.Join(folder, x.Name), s.Pictures)
		}
		if err != nil {
			return fmt.Errorf("result of %s: %w", x.Name, err)
		}
		sections = append(sections, s)
	}
	var out bytes.Buffer
	err := page.Execute(&out, map[string]any{"Domain": template.HTML(domainPicture), "Sections": sections}) // a file of this package
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, PageFile), out.Bytes(), 0o644)
}

// pictures reads the plots of an experiment.
func pictures(folder string, list []Picture) (shown []shownPicture, err error) {
	for _, p := range list {
		svg, err := os.ReadFile(filepath.Join(folder, p.File+".svg"))
		if err != nil {
			return nil, err
		}
		shown = append(shown, shownPicture{p, template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(svg))})
	}
	return shown, nil
}

// Finding is the first sentence of what an experiment shows, for the overview.
func (r *Result) Finding() string {
	switch {
	case r.Failure != "":
		return "failed: " + r.Failure
	case len(r.Says) == 0:
		return ""
	}
	return r.Says[0]
}
