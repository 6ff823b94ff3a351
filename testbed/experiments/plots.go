package experiments

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Size of every picture. On a phone it is scaled down, so the letters are large.
const (
	plotWidth  = 16 * vg.Centimeter
	plotHeight = 10 * vg.Centimeter
	resolution = 150 // of the PNG, dots an inch
)

// palette is one that also people tell apart who see few colours (Okabe and Ito).
var palette = []color.Color{
	color.RGBA{0xd5, 0x5e, 0x00, 0xff}, color.RGBA{0x00, 0x72, 0xb2, 0xff}, color.RGBA{0x00, 0x9e, 0x73, 0xff},
	color.RGBA{0xcc, 0x79, 0xa7, 0xff}, color.RGBA{0xe6, 0x9f, 0x00, 0xff}, color.RGBA{0x56, 0xb4, 0xe9, 0xff},
}

var grey = color.RGBA{0x88, 0x88, 0x88, 0xff}

// series is one line, set of points or set of bars of a plot.
type series struct {
	name   string
	points plotter.XYs
	dots   bool // points, not a line
	step   bool
}

// mark is an instant that a plot points out.
type mark struct {
	x    float64
	text string
}

// chart is what a plot needs besides its series.
type chart struct {
	x, y  string // axes
	logX  bool
	level bool    // the y axis need not begin at zero
	most  float64 // of the y axis' numbers; 0: as it comes
	marks []mark
}

// canvas makes an empty plot.
func (c chart) canvas() *plot.Plot {
	p := plot.New()
	for _, style := range []*draw.TextStyle{&p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 13}
	}
	p.X.Label.Text, p.Y.Label.Text = c.x, c.y
	p.X.Padding, p.Y.Padding = 0, 0
	p.X.Tick.Marker, p.Y.Tick.Marker = evenTicks{}, evenTicks{most: c.most}
	p.Legend.Top, p.Legend.Left, p.Legend.Padding, p.Legend.ThumbnailWidth = true, true, 3, 24
	p.Legend.XOffs, p.Legend.YOffs = 6, -4
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xdd}, color.Gray{0xdd}
	p.Add(grid)
	if c.logX {
		p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	return p
}

// draw puts series and marks into a plot.
func (c chart) draw(list []series) (*plot.Plot, error) {
	p := c.canvas()
	for i, s := range list {
		colour := palette[i%len(palette)]
		if s.dots {
			points, err := plotter.NewScatter(s.points)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			points.GlyphStyle = draw.GlyphStyle{Color: colour, Radius: 2, Shape: draw.CircleGlyph{}}
			p.Add(points)
			p.Legend.Add(s.name, points)
			continue
		}
		line, err := plotter.NewLine(s.points)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		line.Color, line.Width = colour, 2
		if s.step {
			line.StepStyle = plotter.PostStep
		}
		p.Add(line)
		p.Legend.Add(s.name, line)
	}
	if !c.level {
		p.Y.Min = min(0, p.Y.Min)
	}
	p.Y.Max += (p.Y.Max - p.Y.Min) * c.room(len(list)+len(c.marks))
	return p, c.drawMarks(p, len(list))
}

// room is how much higher than what it shows a plot has to be for lines of text above.
func (chart) room(lines int) float64 { return 0.08 + 0.115*float64(lines) }

// drawMarks draws a dashed line with a text at each mark, the texts below the legend.
func (c chart) drawMarks(p *plot.Plot, legend int) error {
	top := p.Y.Max
	for i, m := range c.marks {
		line, err := plotter.NewLine(plotter.XYs{{X: m.x, Y: p.Y.Min}, {X: m.x, Y: top}})
		if err != nil {
			return err
		}
		line.Color, line.Dashes = grey, []vg.Length{4, 3}
		labels, err := plotter.NewLabels(plotter.XYLabels{
			XYs: plotter.XYs{{X: m.x, Y: p.Y.Min + (top-p.Y.Min)*(0.94-0.073*float64(legend+i))}}, Labels: []string{" " + m.text},
		})
		if err != nil {
			return err
		}
		labels.TextStyle[0].Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 12}
		p.Add(line, labels)
	}
	return nil
}

// evenTicks are steps of 1, 2 or 5 times a power of ten, each with its number. An axis that ends at a hundred percent has none beyond.
type evenTicks struct{ most float64 }

// Ticks implements plot.Ticker.
func (e evenTicks) Ticks(low, high float64) (ticks []plot.Tick) {
	if !(high > low) {
		return []plot.Tick{{Value: low, Label: fmt.Sprint(low)}}
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/5)))
	for _, factor := range []float64{5, 2} {
		if factor*step <= (high-low)/5 {
			step *= factor
			break
		}
	}
	for n := math.Ceil(low / step); n*step <= high && (e.most == 0 || n*step <= e.most); n++ {
		value := rounded(n*step, 6) + 0 // no negative zero
		ticks = append(ticks, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'f', -1, 64)})
	}
	return ticks
}

// logTicks are the powers of ten of an axis, and the lines between.
type logTicks struct{}

// Ticks implements plot.Ticker. Only the powers of ten have a label, so that they do not run into each other.
func (logTicks) Ticks(low, high float64) []plot.Tick {
	ticks := plot.LogTicks{Prec: -1}.Ticks(low, high)
	for i := range ticks {
		var power float64
		if _, err := fmt.Sscan(ticks[i].Label, &power); err == nil {
			ticks[i].Label = fmt.Sprint(power)
		}
	}
	return ticks
}

// cumulative draws, for each list of values, which share of them is at most so large.
func (r *run) cumulative(file, caption, x string, names []string, values ...[]float64) error {
	c := chart{x: x, y: "share of handovers, %", logX: true, most: 100}
	var list []series
	for i, v := range values {
		sorted := slices.Sorted(slices.Values(v))
		var points plotter.XYs
		for rank, value := range sorted {
			points = append(points, plotter.XY{X: max(value, 0.01), Y: 100 * float64(rank+1) / float64(len(sorted))})
		}
		if len(points) > 0 {
			list = append(list, series{name: names[i], points: points, step: true})
		}
	}
	return r.plot(file, caption, c, list)
}

// plot draws lines and points and stores the picture.
func (r *run) plot(file, caption string, c chart, list []series) error {
	p, err := c.draw(list)
	if err != nil {
		return fmt.Errorf("plot %s: %w", file, err)
	}
	return r.save(file, caption, p)
}

// bars draws a group of bars for each name on the axis, a bar of each series in it, and stores the picture.
func (r *run) bars(file, caption string, c chart, axis []string, names []string, values ...[]float64) error {
	p := c.canvas()
	width := vg.Length(float64(plotWidth) * 0.72 / float64(len(axis)*len(values)))
	for i, v := range values {
		bar, err := plotter.NewBarChart(plotter.Values(v), width)
		if err != nil {
			return fmt.Errorf("plot %s: %s: %w", file, names[i], err)
		}
		bar.Color, bar.LineStyle.Width = palette[i%len(palette)], 0
		bar.Offset = width * vg.Length(float64(i)-float64(len(values)-1)/2)
		p.Add(bar)
		p.Legend.Add(names[i], bar)
	}
	p.NominalX(axis...)
	p.X.Tick.Label.Font.Size = 12
	p.X.Min, p.X.Max = -0.6, float64(len(axis))-0.4
	p.Y.Min = 0
	p.Y.Max *= 1 + c.room(len(values))
	if p.Y.Max == 0 {
		p.Y.Max = 1
	}
	return r.save(file, caption, p)
}

// save stores a picture as SVG and as PNG.
func (r *run) save(file, caption string, p *plot.Plot) error {
	svg := vgsvg.NewWith(vgsvg.UseWH(plotWidth, plotHeight))
	p.Draw(draw.New(svg))
	raster := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(plotWidth, plotHeight), vgimg.UseDPI(resolution))}
	p.Draw(draw.New(raster))
	for name, canvas := range map[string]vg.CanvasWriterTo{file + ".svg": svg, file + ".png": raster} {
		var content bytes.Buffer
		if _, err := canvas.WriteTo(&content); err != nil {
			return fmt.Errorf("picture %s: %w", name, err)
		}
		picture := content.Bytes()
		if canvas == svg {
			// who has no Liberation Sans has one of these, which are as wide
			picture = bytes.ReplaceAll(picture, []byte("font-family:Liberation Sans;"), []byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif;"))
		}
		if err := os.WriteFile(filepath.Join(r.folder, name), picture, 0o644); err != nil {
			return err
		}
	}
	r.result.Pictures = append(r.result.Pictures, Picture{File: file, Caption: caption})
	return nil
}

// markPicture says what of the picture that was stored last means nothing in emulation.
func (r *run) markPicture(text string) {
	r.result.Pictures[len(r.result.Pictures)-1].Mark = text
}
