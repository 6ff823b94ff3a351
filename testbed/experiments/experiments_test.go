package experiments

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"gonum.org/v1/plot/plotter"

	"netlmm/testbed"
)

// binaries is the folder with the daemons that TestMain built.
var binaries string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "netlmm-experiments-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	build := exec.Command("go", "build", "-o", folder+"/", "netlmm/cmd/magd", "netlmm/cmd/lmad", "netlmm/cmd/netlmmctl")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the daemons: %v\n%s", err, out)
		return 1
	}
	binaries = folder
	return m.Run()
}

// log sends progress to the test's log.
type log struct{ t *testing.T }

func (l log) Write(b []byte) (int, error) {
	l.t.Log(string(bytes.TrimSuffix(b, []byte("\n"))))
	return len(b), nil
}

// Two experiments, as small as they can be, from the domain to the page.
func TestExperimentsMakeTablesPicturesAndPage(t *testing.T) {
	s := Settings{Report: t.TempDir(), Count: 2, BinDir: binaries, ID: "e" + strconv.Itoa(os.Getpid()), Progress: log{t}}
	if err := Do(context.Background(), s, phases, latency); err != nil {
		t.Error(err)
	}
	if found, _ := filepath.Glob("/run/netns/netlmm-" + s.ID + "*"); len(found) > 0 {
		t.Errorf("namespaces are left: %v", found)
	}
	checkReport(t, s.Report, "phases", "latency")
	for _, name := range []string{"phases", "latency"} {
		content, err := os.ReadFile(filepath.Join(s.Report, name, ResultFile))
		if err != nil {
			t.Fatal(err)
		}
		var r Result
		if err := json.Unmarshal(content, &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Says) == 0 || len(r.Tables) == 0 || len(r.Pictures) == 0 || r.Environment.Forwarding == "" {
			t.Errorf("%s has %d sentences, %d tables, %d pictures, and ran on %+v", name, len(r.Says), len(r.Tables), len(r.Pictures), r.Environment)
		}
		t.Log(strings.Join(r.Says, " "))
	}
}

// An experiment that fails or panics is on the page with its reason, stops no other, and is in the error.
func TestFailedExperimentIsShown(t *testing.T) {
	good := Experiment{Name: "tcp", Title: "one that works", run: func(r *run) error {
		r.result.saysf("It works, & <b>so</b> it does.")
		r.result.Tables = append(r.result.Tables, Table{File: "numbers", Caption: "numbers", Columns: []string{"a", "b"}, Rows: [][]any{{1, 2.5}, {"x, \"y\"", nil}}})
		points := plotter.XYs{{X: 0, Y: 1}, {X: 1, Y: 3}}
		return errors.Join(
			r.plot("line", "a line", chart{x: "x", y: "y", marks: []mark{{0.5, "here"}}}, []series{{name: "one", points: points}, {name: "two", points: points, dots: true}}),
			r.bars("bars", "bars", chart{y: "y"}, []string{"1", "2"}, []string{"one", "none"}, []float64{1, 2}, []float64{0, 0}),
			r.cumulative("shares", "shares", "x", []string{"one", "nothing"}, []float64{0, 1, 5}, nil))
	}}
	failing := Experiment{Name: "phases", Title: "one that fails", run: func(r *run) error { return errors.New("the <anchor> fell over") }}
	panicking := Experiment{Name: "tunnel", Title: "one that panics", run: func(r *run) error { panic("no tunnel") }}
	s := Settings{Report: t.TempDir(), Progress: log{t}}
	err := Do(context.Background(), s, failing, panicking, good)
	if err == nil || !strings.Contains(err.Error(), "2 of 3") || !strings.Contains(err.Error(), "phases, tunnel") {
		t.Errorf("error is %v", err)
	}
	checkReport(t, s.Report, "phases", "tunnel", "tcp")
	content, err := os.ReadFile(filepath.Join(s.Report, PageFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the &lt;anchor&gt; fell over", "panic: no tunnel", "It works, &amp; &lt;b&gt;so"} {
		if !strings.Contains(string(content), want) {
			t.Errorf("the page does not hold %q", want)
		}
	}
}

func TestInterruptedExperimentsEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	stops := Experiment{Name: "tcp", run: func(r *run) error { cancel(); return r.wait(0) }}
	never := Experiment{Name: "phases", run: func(*run) error { t.Error("it went on"); return nil }}
	if err := Do(ctx, Settings{Report: t.TempDir()}, stops, never); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("error is %v", err)
	}
}

func TestFind(t *testing.T) {
	names := map[string]bool{}
	for _, x := range All() {
		if found, err := Find(x.Name); err != nil || found.Title != x.Title || names[x.Name] {
			t.Errorf("%s: %v, %v", x.Name, found.Title, err)
		}
		names[x.Name] = true
	}
	if _, err := Find("nothing"); err == nil || !strings.Contains(err.Error(), "udp-throughput") {
		t.Errorf("error is %v", err)
	}
}

// checkReport reads everything in a report's folder, and follows each link of its page.
func checkReport(t *testing.T, folder string, names ...string) {
	t.Helper()
	readers := map[string]func(io.Reader) error{
		".svg":  wellFormed,
		".png":  func(in io.Reader) error { _, err := png.Decode(in); return err },
		".csv":  func(in io.Reader) error { _, err := csv.NewReader(in).ReadAll(); return err },
		".json": func(in io.Reader) error { var v any; return json.NewDecoder(in).Decode(&v) },
	}
	for _, name := range names {
		files, err := os.ReadDir(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			content, err := os.ReadFile(filepath.Join(folder, name, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			read := readers[filepath.Ext(f.Name())]
			if read == nil {
				t.Errorf("%s/%s: what is that?", name, f.Name())
			} else if err := read(bytes.NewReader(content)); err != nil {
				t.Errorf("%s/%s: %v", name, f.Name(), err)
			}
		}
	}
	checkPage(t, folder, names)
}

// wellFormed reads XML to its end.
func wellFormed(in io.Reader) error {
	for decoder := xml.NewDecoder(in); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// checkPage follows the links and opens the pictures of a page, which must not lead out of its folder.
func checkPage(t *testing.T, folder string, names []string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, PageFile))
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	ids, links, images := map[string]bool{}, []string{}, 0
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch {
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "href" && n.Data == "a":
				links = append(links, a.Val)
			case a.Key == "src":
				images++
				encoded, inside := strings.CutPrefix(a.Val, "data:image/svg+xml;base64,")
				svg, err := base64.StdEncoding.DecodeString(encoded)
				if !inside || err != nil || wellFormed(bytes.NewReader(svg)) != nil {
					t.Errorf("picture %.60s... is not in the page, or broken: %v", a.Val, err)
				}
			}
		}
	}
	for _, link := range links {
		if id, here := strings.CutPrefix(link, "#"); here {
			if !ids[id] {
				t.Errorf("link to %q leads nowhere", link)
			}
		} else if _, err := os.Stat(filepath.Join(folder, link)); err != nil || !filepath.IsLocal(link) {
			t.Errorf("link to %q: %v", link, err)
		}
	}
	for _, name := range names {
		if !ids[name] {
			t.Errorf("%s is not on the page", name)
		}
	}
	if images == 0 || len(links) == 0 {
		t.Errorf("%d pictures and %d links", images, len(links))
	}
}

func TestStandstill(t *testing.T) {
	at := func(milliseconds int) time.Time { return time.UnixMilli(1_000_000 + int64(milliseconds)) }
	for _, test := range []struct {
		name  string
		reads []int
		end   int
		want  time.Duration
	}{
		{"a handover that is none", []int{0, 20, 40, 70, 90}, 100, 30 * time.Millisecond},
		{"a stall", []int{0, 20, 5020, 5040}, 5060, 5 * time.Second},
		{"a stall with a segment in it", []int{0, 20, 5020, 9020, 9040}, 9060, 9 * time.Second},
		{"it does not come back", []int{0, 20}, 8020, 8 * time.Second},
	} {
		var reads []testbed.Read
		for _, r := range test.reads {
			reads = append(reads, testbed.Read{At: at(r)})
		}
		if got := standstill(reads, at(10), at(test.end)); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
