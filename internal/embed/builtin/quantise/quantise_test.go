package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/builtin/modelfile"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

const modelFile = "../model/use-lite-int8-v1.bin"

// archive packs the committed model in the form of the original npm package: the names of the graph, float32, in two
// shards.
func archive(t *testing.T, change func(files map[string][]byte)) string {
	t.Helper()
	file, err := os.ReadFile(modelFile)
	require.NoError(t, err)
	vocabulary, w, err := modelfile.Read(file)
	require.NoError(t, err)

	var data []byte
	var list []tensor
	add := func(name string, shape []int, values []float32) {
		list = append(list, tensor{Name: name, Shape: shape, Dtype: "float32"})
		for _, x := range values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
	}
	grid := func(name string, m encoder.Matrix) {
		rows, cols := m.Size()
		values := make([]float32, rows*cols)
		for i := range rows {
			m.Row(values[i*cols:][:cols], i)
		}
		shape := []int{rows, cols}
		if strings.Contains(name, "single") {
			shape = []int{1, 1, rows, cols}
		}
		add(name, shape, values)
	}
	vector := func(name string, values []float32) { add(name, []int{len(values)}, values) }
	grid("module/Embeddings_en", w.Embeddings)
	vector("x/TimingSignal/ExpandDims_1", w.Timescales)
	grid("x/dense/kernel/concat", w.Residual.Matrix)
	vector("x/dense/bias/concat", w.Residual.Bias)
	for i, l := range w.Layers {
		at := fmt.Sprintf("x/Layer_%d/TransformerLayer/", i)
		for where, norm := range map[string]encoder.Norm{"": l.AttentionNorm, "FFN/": l.FFNNorm} {
			vector(at+where+"layer_prepostprocess/layer_norm/layer_norm_scale/concat", norm.Scale)
			vector(at+where+"layer_prepostprocess/layer_norm/layer_norm_bias/concat", norm.Shift)
		}
		for name, dense := range map[string]encoder.Dense{"qkv_transform_single": l.Query, "output_transform_single": l.Attention} {
			grid(at+name+"/kernel/part_0", dense.Matrix)
			vector(at+name+"/bias/concat", dense.Bias)
		}
		for name, dense := range map[string]encoder.Dense{"conv1": l.Up, "conv2": l.Down} {
			grid(at+"FFN/"+name+"/Tensordot/Reshape_1", dense.Matrix)
			vector(at+"FFN/"+name+"/bias/concat", dense.Bias)
		}
	}
	grid("module/tanh_layer_0/weights", w.Output.Matrix)
	vector("module/tanh_layer_0/bias", w.Output.Bias)
	list = append(list, tensor{Name: "x/Layer_0/conv1/Tensordot/Reshape_1/shape", Shape: []int{1}, Dtype: "int32"})
	data = append(data, 0, 0, 0, 0)

	pairs := make([][2]any, len(vocabulary))
	for i, p := range vocabulary {
		pairs[i] = [2]any{p.Text, p.Score}
		if p.Score == 0 && i > 5 {
			pairs[i][1] = nil
		}
	}
	files := map[string][]byte{"one": data[:1<<20], "two": data[1<<20:]}
	files["vocab.json"], err = json.Marshal(pairs)
	require.NoError(t, err)
	files["model.json"], err = json.Marshal(map[string]any{
		"weightsManifest": []any{map[string]any{"paths": []string{"one", "two"}, "weights": list}},
	})
	require.NoError(t, err)
	if change != nil {
		change(files)
	}
	return pack(t, files)
}

func pack(t *testing.T, files map[string][]byte) string {
	t.Helper()
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.NoCompression)
	require.NoError(t, err)
	to := tar.NewWriter(compressed)
	for name, content := range files {
		require.NoError(t, to.WriteHeader(&tar.Header{Name: folder + name, Mode: 0o600, Size: int64(len(content))}))
		_, err := to.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, to.Close())
	require.NoError(t, compressed.Close())
	name := filepath.Join(t.TempDir(), "package.tgz")
	require.NoError(t, os.WriteFile(name, out.Bytes(), 0o600))
	return name
}

// expected writes the reference vectors of the committed model, so that a package with its weights is correct. spoil
// changes them first.
func expected(t *testing.T, spoil func(*referenceText)) string {
	t.Helper()
	file, err := os.ReadFile(modelFile)
	require.NoError(t, err)
	vocabulary, w, err := modelfile.Read(file)
	require.NoError(t, err)
	v, err := pieces.New(vocabulary)
	require.NoError(t, err)
	e, err := encoder.New(w, matrix.Portable())
	require.NoError(t, err)
	text := referenceText{Text: "The ferry leaves at nine :)"}
	var r pieces.Reading
	r.Read(v, text.Text)
	text.Pieces = r.IDs
	text.Vector, err = e.Encode(encoder.NewScratch(), r.IDs)
	require.NoError(t, err)
	if spoil != nil {
		spoil(&text)
	}
	raw, err := json.Marshal([]referenceText{text})
	require.NoError(t, err)
	name := filepath.Join(t.TempDir(), "reference.json")
	require.NoError(t, os.WriteFile(name, raw, 0o600))
	return name
}

func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "model.bin")
	var said strings.Builder
	require.NoError(t, run([]string{"-package", archive(t, nil), "-reference", expected(t, nil), "-out", out}, &said))
	require.Contains(t, said.String(), "kernel portable")
	got, err := os.ReadFile(out)
	require.NoError(t, err)
	want, err := os.ReadFile(modelFile)
	require.NoError(t, err)
	require.Len(t, got, len(want))
}

// If anything is wrong, nothing is written.
func TestRunRefuses(t *testing.T) {
	sum := filepath.Join(t.TempDir(), "sum")
	require.NoError(t, os.WriteFile(sum, []byte("0123  model.bin\n"), 0o600))
	good := func(t *testing.T) string { return archive(t, nil) }
	change := func(name string, to func([]byte) []byte) func(*testing.T) string {
		return func(t *testing.T) string {
			return archive(t, func(files map[string][]byte) { files[name] = to(files[name]) })
		}
	}
	for says, c := range map[string]struct {
		archive func(*testing.T) string
		spoil   func(*referenceText)
		sum     string
	}{
		"not the file that":          {archive: good, sum: sum},
		"no such file":               {archive: func(*testing.T) string { return "/nowhere" }},
		"and the original's are":     {archive: good, spoil: func(r *referenceText) { r.Pieces[0]++ }},
		"not the original's":         {archive: good, spoil: func(r *referenceText) { r.Vector[7] += 2e-6 }},
		"shards end before":          {archive: change("two", func(b []byte) []byte { return b[:len(b)-5] })},
		"it must be one":             {archive: change("model.json", func(b []byte) []byte { return bytes.Replace(b, []byte("Embeddings_en"), []byte("E"), 1) })},
		"vocab.json: entry 0":        {archive: change("vocab.json", func([]byte) []byte { return []byte(`[["a","b"]]`) })},
		"vocabulary needs more than": {archive: change("vocab.json", func([]byte) []byte { return []byte(`[]`) })},
	} {
		t.Run(says, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "model.bin")
			err := run([]string{"-package", c.archive(t), "-reference", expected(t, c.spoil), "-out", out, "-sha256", c.sum}, io.Discard)
			require.ErrorContains(t, err, says)
			require.NoFileExists(t, out)
		})
	}
}
