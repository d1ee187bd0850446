package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"github.com/lethe-chat/lethe/internal/embed/builtin/encoder"
	"github.com/lethe-chat/lethe/internal/embed/builtin/matrix"
	"github.com/lethe-chat/lethe/internal/embed/builtin/modelfile"
	"github.com/lethe-chat/lethe/internal/embed/builtin/pieces"
)

// The accuracy that a correct port reaches: the largest difference of any component
// with the exact weights, and the smallest cosine with the rounded weights.
const (
	largestError   = 1e-6
	smallestCosine = 0.999
)

type referenceText struct {
	Text   string    `json:"text"`
	Pieces []int32   `json:"pieces"`
	Vector []float32 `json:"vector"`
}

// verify computes the reference vectors with every kernel of this processor, from
// the exact weights and from the file's weights.
func verify(stdout io.Writer, reference string, vocabulary []pieces.Piece, exact encoder.Weights, file []byte) error {
	raw, err := os.ReadFile(reference)
	if err != nil {
		return err
	}
	var texts []referenceText
	if err := json.Unmarshal(raw, &texts); err != nil {
		return fmt.Errorf("%s: %w", reference, err)
	}
	if err := verifyPieces(vocabulary, texts); err != nil {
		return err
	}
	_, rounded, err := modelfile.Read(file)
	if err != nil {
		return err
	}
	for _, kernel := range matrix.Kernels() {
		worst, _, err := compare(exact, kernel, texts)
		if err != nil {
			return err
		}
		_, cosine, err := compare(rounded, kernel, texts)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%d texts, kernel %s: exact weights at most %.1e off, rounded ones cosine %.6f or more\n", len(texts), kernel.Name, worst, cosine)
		if !(worst <= largestError) || !(cosine >= smallestCosine) {
			return fmt.Errorf("the vectors are not the original's: they may be %.0e off, and rounded have a cosine of %.3f", largestError, smallestCosine)
		}
	}
	return nil
}

func verifyPieces(vocabulary []pieces.Piece, texts []referenceText) error {
	v, err := pieces.New(vocabulary)
	if err != nil {
		return err
	}
	var r pieces.Reading
	for _, text := range texts {
		if r.Read(v, text.Text); !slices.Equal(r.IDs, text.Pieces) {
			return fmt.Errorf("%q becomes the pieces %v, and the original's are %v", text.Text, r.IDs, text.Pieces)
		}
	}
	return nil
}

// compare returns the largest difference of a number and the smallest cosine.
func compare(w encoder.Weights, kernel matrix.Kernel, texts []referenceText) (worst, cosine float64, err error) {
	e, err := encoder.New(w, kernel)
	if err != nil {
		return 0, 0, err
	}
	scratch := encoder.NewScratch()
	cosine = 1
	for _, text := range texts {
		vector, err := e.Encode(scratch, text.Pieces)
		if err != nil {
			return 0, 0, err
		}
		var dot, a, b float64
		for i, want := range text.Vector {
			x, y := float64(vector[i]), float64(want)
			worst = max(worst, math.Abs(x-y))
			dot, a, b = dot+x*y, a+x*x, b+y*y
		}
		cosine = min(cosine, dot/math.Sqrt(a*b))
	}
	return worst, cosine, nil
}
