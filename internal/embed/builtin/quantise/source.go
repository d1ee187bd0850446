package main

import (
	"archive/tar"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// folder is the model's folder inside the package.
const folder = "package/dist/"

// largestPart is a size limit above that of every file in the package.
const largestPart = 64 << 20

// readPackage reads the vocabulary and the exact weights.
func readPackage(name string) ([]pieces.Piece, encoder.Weights, error) {
	var w encoder.Weights
	files, err := unpack(name)
	if err != nil {
		return nil, w, err
	}
	vocabulary, err := readVocabulary(files["vocab.json"])
	if err != nil {
		return nil, w, fmt.Errorf("vocab.json: %w", err)
	}
	tensors, err := readTensors(files)
	if err != nil {
		return nil, w, fmt.Errorf("model.json: %w", err)
	}
	w, err = tensors.weights()
	return vocabulary, w, err
}

// unpack returns the files of the package's folder by name.
func unpack(name string) (map[string][]byte, error) {
	archive, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	plain, err := gzip.NewReader(archive)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for in := tar.NewReader(plain); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		if file, ok := strings.CutPrefix(header.Name, folder); ok {
			if files[file], err = io.ReadAll(io.LimitReader(in, largestPart)); err != nil {
				return nil, err
			}
		}
	}
}

// readVocabulary reads pairs of text and score. A score may be null, which means
// zero.
func readVocabulary(file []byte) ([]pieces.Piece, error) {
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(file, &pairs); err != nil {
		return nil, err
	}
	vocabulary := make([]pieces.Piece, len(pairs))
	for i, pair := range pairs {
		if err := errors.Join(json.Unmarshal(pair[0], &vocabulary[i].Text), json.Unmarshal(pair[1], &vocabulary[i].Score)); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return vocabulary, nil
}

// tensor is a part of the original weights.
type tensor struct {
	Name  string
	Shape []int
	Dtype string

	raw []byte
}

func (t tensor) floats() []float32 {
	values := make([]float32, len(t.raw)/4)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.raw[4*i:]))
	}
	return values
}

type tensors []tensor

// readTensors splits the concatenated shards into tensors.
func readTensors(files map[string][]byte) (list tensors, err error) {
	var graph struct {
		WeightsManifest []struct {
			Paths   []string
			Weights []tensor
		}
	}
	if err := json.Unmarshal(files["model.json"], &graph); err != nil {
		return nil, err
	}
	for _, group := range graph.WeightsManifest {
		var data []byte
		for _, path := range group.Paths {
			data = append(data, files[path]...)
		}
		for _, t := range group.Weights {
			size := 4 // float32 and int32 alike
			for _, n := range t.Shape {
				size *= n
			}
			if size < 0 || size > len(data) {
				return nil, fmt.Errorf("the shards end before the end of %s", t.Name)
			}
			t.raw, data = data[:size], data[size:]
			list = append(list, t)
		}
	}
	return list, nil
}

// named finds the one float tensor whose name contains all the parts.
func (list tensors) named(parts ...string) (found tensor, err error) {
	n := 0
	for _, t := range list {
		fits := t.Dtype == "float32"
		for _, part := range parts {
			fits = fits && strings.Contains(t.Name, part)
		}
		if fits {
			found = t
			n++
		}
	}
	if n != 1 {
		return found, fmt.Errorf("%d tensors have %q in their names, and it must be one", n, parts)
	}
	return found, nil
}

// plain is a matrix of exact weights.
type plain struct {
	rows, cols int
	values     []float32
}

func (m plain) Size() (rows, cols int)   { return m.rows, m.cols }
func (m plain) Row(dst []float32, i int) { copy(dst, m.values[i*m.cols:][:m.cols]) }

// weights finds every part by its name in the published graph.
func (list tensors) weights() (w encoder.Weights, err error) {
	var problems []error
	vector := func(parts ...string) []float32 {
		t, err := list.named(parts...)
		problems = append(problems, err)
		return t.floats()
	}
	grid := func(parts ...string) encoder.Matrix {
		t, err := list.named(parts...)
		if err != nil || len(t.Shape) < 2 {
			problems = append(problems, err, fmt.Errorf("%q is no matrix", parts))
			return nil
		}
		size := t.Shape[len(t.Shape)-2:] // convolutions of width one have two more
		return plain{size[0], size[1], t.floats()}
	}
	dense := func(kernel, bias []string) encoder.Dense {
		return encoder.Dense{Matrix: grid(kernel...), Bias: vector(bias...)}
	}
	w.Embeddings = grid("module/Embeddings_en")
	w.Timescales = vector("TimingSignal/ExpandDims_1")
	w.Residual = dense([]string{"dense/kernel"}, []string{"dense/bias"})
	w.Output = dense([]string{"tanh_layer_0/weights"}, []string{"tanh_layer_0/bias"})
	for i := range w.Layers {
		at := fmt.Sprintf("/Layer_%d/", i)
		norm := func(of string) encoder.Norm {
			return encoder.Norm{Scale: vector(at, of+"layer_norm/layer_norm_scale"), Shift: vector(at, of+"layer_norm/layer_norm_bias")}
		}
		w.Layers[i] = encoder.Layer{
			AttentionNorm: norm("/TransformerLayer/layer_prepostprocess/"), FFNNorm: norm("/FFN/layer_prepostprocess/"),
			Query:     dense([]string{at, "qkv_transform_single/kernel"}, []string{at, "qkv_transform_single/bias"}),
			Attention: dense([]string{at, "output_transform_single/kernel"}, []string{at, "output_transform_single/bias"}),
			Up:        dense([]string{at, "conv1/Tensordot/Reshape_1"}, []string{at, "conv1/bias"}),
			Down:      dense([]string{at, "conv2/Tensordot/Reshape_1"}, []string{at, "conv2/bias"}),
		}
	}
	return w, errors.Join(problems...)
}
