package matrix

import (
	"golang.org/x/sys/cpu"
)

// fast lists the kernels that this processor supports. The operating system must
// also save the wide registers; the CPU flags used here include that.
func fast() []Kernel {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	return []Kernel{{Name: "avx2", multiply: multiplyAVX2}}
}

// multiplyAVX2 processes all rows for one panel before the next panel, so the panel
// stays in the processor's cache. It takes six rows at a time, as many as fit into
// the registers, or four, so that at most three computed rows are wasted.
func multiplyAVX2(out, in Rows, n int, by *Panels, bias []float32) {
	_, _ = out.Data[(n+SpareRows-1)*out.Stride+Padded(by.cols)-1], in.Data[(n+SpareRows-1)*in.Stride+by.rows-1]
	outStep, inStep := uintptr(out.Stride)*4, uintptr(in.Stride)*4
	for col := 0; col < by.cols; col += Width {
		var start *float32
		if bias != nil {
			start = &bias[col : col+Width][0]
		}
		panel := &by.panel(col / Width)[0]
		for row := 0; row < n; {
			to, from := &out.Data[row*out.Stride+col], &in.Data[row*in.Stride]
			if left := n - row; left >= 9 || left == 5 || left == 6 {
				sixRows(to, outStep, from, inStep, panel, uintptr(by.rows), start)
				row += 6
			} else {
				fourRows(to, outStep, from, inStep, panel, uintptr(by.rows), start)
				row += 4
			}
		}
	}
}

// sixRows computes six rows of sixteen columns: start (zeros when nil) plus the
// products of k values per row with k rows of a panel. Steps are the distances
// between rows in bytes.
//
//go:noescape
func sixRows(to *float32, toStep uintptr, from *float32, fromStep uintptr, panel *float32, k uintptr, start *float32)

// fourRows is sixRows for four rows.
//
//go:noescape
func fourRows(to *float32, toStep uintptr, from *float32, fromStep uintptr, panel *float32, k uintptr, start *float32)
