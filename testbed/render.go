package testbed

import (
	"embed"
	"fmt"
	"os"
	"text/template"
)

//go:embed templates/*.tmpl
var templateFiles embed.FS

// templates are the configuration files of every program in the domain.
var templates = template.Must(template.New("").Option("missingkey=error").ParseFS(templateFiles, "templates/*.tmpl"))

// templateInput is what every template sees.
type templateInput struct {
	Node   string
	Dir    string // the node's folder in the run directory
	Values any
}

// render writes a node's configuration file. It may hold secrets: only its owner reads it.
func (d *Domain) render(name, node, file string, values any) error {
	out, err := os.OpenFile(d.Path(node, file), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := templates.ExecuteTemplate(out, name, templateInput{Node: node, Dir: d.Path(node, ""), Values: values}); err != nil {
		return fmt.Errorf("write %s of %s: %w", file, node, err)
	}
	return out.Close()
}
