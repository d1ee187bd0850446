package matrix

import (
	"golang.org/x/sys/cpu"
)

// fast lists the kernels of this processor. The system must keep the wide
// registers too, which the flags account for.
func fast() []Kernel {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	return []Kernel{{Name: "avx2", multiply: multiplyAVX2}}
}

// multiplyAVX2 goes through a panel with all rows before it takes the next: the
// panel stays in the processor's cache. Rows are taken by six, which is as many
// as there are registers for, and by four, so that at most three are wasted.
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

// sixRows sets six rows of sixteen columns: start, or zeros when it is nil, and
// added to it the products of k values a row with k rows of a panel. Steps are
// bytes from a row to the next.
//
//go:noescape
func sixRows(to *float32, toStep uintptr, from *float32, fromStep uintptr, panel *float32, k uintptr, start *float32)

// fourRows is sixRows for four.
//
//go:noescape
func fourRows(to *float32, toStep uintptr, from *float32, fromStep uintptr, panel *float32, k uintptr, start *float32)
