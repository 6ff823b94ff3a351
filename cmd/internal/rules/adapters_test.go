package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// adapters is where they are, from here.
const adapters = "../../../ap-adapters"

// TestEveryAdapterPassesItsContract: whatever has the methods of apadapters.Adapter is tested with adaptertest.Test, and what takes
// commands with adaptertest.TestCommander.
func TestEveryAdapterPassesItsContract(t *testing.T) {
	entries, err := os.ReadDir(adapters)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, entry := range entries {
		if !entry.IsDir() || entry.Name() == "adaptertest" {
			continue
		}
		methods, calls := look(t, filepath.Join(adapters, entry.Name()))
		for receiver, names := range methods {
			for kit, wanted := range map[string][]string{
				"Test": {"Name", "Run", "Status"}, "TestCommander": {"Has", "Parameters", "ConfigureThresholds", "Act", "Steer"},
			} {
				if slices.ContainsFunc(wanted, func(name string) bool { return !slices.Contains(names, name) }) {
					continue
				}
				found++
				if !slices.Contains(calls, kit) {
					t.Errorf("ap-adapters/%s has %s, whose tests do not call adaptertest.%s", entry.Name(), receiver, kit)
				}
			}
		}
	}
	if found < 2 {
		t.Errorf("%d adapters are found: does this test look in the right place?", found)
	}
}

// look reads a package: the exported methods of each type, and which functions of adaptertest its tests call.
func look(t *testing.T, folder string) (methods map[string][]string, calls []string) {
	t.Helper()
	methods = map[string][]string{}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if receiver := receiverOf(n); receiver != "" && !strings.HasSuffix(path, "_test.go") {
					methods[receiver] = append(methods[receiver], n.Name.Name)
				}
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "adaptertest" && strings.HasSuffix(path, "_test.go") {
					calls = append(calls, n.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return methods, calls
}

// receiverOf is the type that a method is of; "" for a function.
func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) != 1 {
		return ""
	}
	expression := f.Recv.List[0].Type
	if star, ok := expression.(*ast.StarExpr); ok {
		expression = star.X
	}
	if name, ok := expression.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}
